//! Everything between a front end and the rules: HTTP requests and answers, Lambda, settings and time.

pub mod caught;
pub mod clock;
pub mod codes;
pub mod command;
pub mod deadline;
pub mod engine;
pub mod event;
pub mod http;
pub mod lambda;
pub mod others;
pub mod programs;
pub mod refusal;
pub mod settings;
pub mod view;
