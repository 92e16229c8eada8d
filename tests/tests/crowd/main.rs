//! Many concurrent requests, in a process of their own so that they cannot disturb other tests.

mod concurrency;
mod rush;
