//! Bars 05: vendors and what they are asked.

pub mod canary;
pub mod foreign;
pub mod local_model;
pub mod python;
pub mod rate;
pub mod retries;
pub mod sdk;
mod single;
