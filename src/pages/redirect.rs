//! The way on to an app for whoever was sent here by another site.

use askama::Template;

use super::frame::Frame;
use super::sample::Sample;

/// A page that goes on by itself, without a script.
#[derive(Clone, Debug, Template)]
#[template(path = "redirect.html")]
pub struct RedirectPage<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Where the answer goes.
    pub location: &'a str,
}

impl<'a> Sample<'a> for RedirectPage<'a> {
    const NAME: &'static str = "redirect";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let location = "https://shop.example.com/callback?code=mpc_x&state=a'b%22c;url=d";
        vec![("answer", Self { frame, location })]
    }
}
