//! Data that the samples of several pages share.

pub(super) mod apps;
pub(super) mod documents;
pub(super) mod names;
pub(super) mod people;
pub(super) mod providers;
pub(super) mod values;
