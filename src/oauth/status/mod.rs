//! Status lists and the feed of revocations: how resource servers that verify tokens alone learn
//! that a token was revoked. Both are answered from memory; every replica learns from the database
//! what was revoked.

pub mod feed;
pub mod indices;
pub mod known;
pub mod lists;
pub mod measured;
pub mod settings;
