//! The front ends of the application: HTTP requests and answers, and the Lambda runtime.

mod emf;
pub mod http;
pub mod lambda;
pub mod log;
pub mod view;
