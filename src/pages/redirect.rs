//! The page that redirects to an app or a provider after a form was sent.

use askama::Template;

use super::frame::Frame;
use super::sample::Sample;

/// A page that redirects by itself, without a script.
#[derive(Clone, Debug, Template)]
#[template(path = "redirect.html")]
pub struct RedirectPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The address that the page redirects to.
    pub location: &'a str,
}

impl<'a> Sample<'a> for RedirectPage<'a> {
    const NAME: &'static str = "redirect";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let location = "https://shop.example.com/callback?code=mpc_x&state=a'b%22c;url=d";
        vec![("answer", Self { frame, location })]
    }
}
