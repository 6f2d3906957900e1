//! The form with which a script hands the answer of an authenticator to the server.

/// How a page asks the browser for a passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyForm<'a> {
    /// The options for the browser, as JSON.
    pub options: &'a str,
    /// The sealed challenge, which comes back with the answer.
    pub challenge: &'a str,
    /// For how many seconds after the page was made the browser may begin.
    pub begins: i64,
    /// The address of this page, from which the script gets another challenge.
    pub again: &'a str,
}
