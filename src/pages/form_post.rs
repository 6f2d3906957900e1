//! The answer to an app as a form that the browser sends by itself.

use askama::Template;

use super::frame::Frame;
use super::sample::Sample;
use super::samples::names;

/// The exact script of the page: the content security policy of the page contains its hash.
pub const FORM_POST_SCRIPT: &str = "document.forms[0].submit()";

/// OAuth 2.0 Form Post Response Mode §2: the answer, sent by the browser to the app.
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The redirect URI that the form is posted to.
    pub action: &'a str,
    /// The parameters of the answer, as form fields.
    pub fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Sample<'a> for FormPostPage<'a> {
    const NAME: &'static str = "form-post";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let action = "https://shop.example.com/callback";
        let page = Self { frame, action, fields: vec![("code", "mpc_x"), ("state", "a b+c&d")] };
        vec![
            ("answer", page.clone()),
            ("hostile", Self { fields: vec![("state", names::HOSTILE)], ..page }),
        ]
    }
}
