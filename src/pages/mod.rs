//! The pages: one struct for each template, and nothing that knows of a web framework.

use askama::Template;

/// The error page.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// The stable code, for automation and support.
    pub code: &'a str,
    /// What happened, in words a person understands.
    pub title: &'a str,
    /// What they can do.
    pub advice: &'a str,
}
