//! Values that all other modules may use: ids, points, money, dates, texts, hashes.

pub mod balance;
pub mod calendar;
pub mod code;
pub mod fingerprint;
pub mod hash;
pub mod id;
pub mod instant;
pub mod kind;
pub mod likeness;
pub mod money;
pub mod occasion;
pub mod pointer;
pub mod points;
pub mod purchase;
pub mod returned;
pub mod scalar;
pub mod text;
