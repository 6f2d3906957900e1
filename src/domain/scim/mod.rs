//! SCIM 2.0 without I/O: the schemas, filters, paths and changes of RFC 7643 and RFC 7644.

pub mod attribute_name;
pub mod bulk;
pub mod filter;
mod filter_parser;
pub mod patch;
pub mod path;
pub mod people_group;
pub mod person;
pub mod projection;
pub mod refusal;
pub mod schema;

#[cfg(test)]
mod tests;
