//! The front ends of the application: HTTP requests and answers, and the Lambda runtime.

pub mod document;
mod emf;
pub mod http;
pub mod lambda;
pub mod log;
pub mod view;
