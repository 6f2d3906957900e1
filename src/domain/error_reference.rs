//! The reference of all refusals, for `docs/errors.md`.

use std::fmt::Write;

use super::error_code::ErrorCode;
use super::reason::{Reason, ReasonSection};

const TOP: &str = "\
<!-- Made from the declarations in the source by `mapae explain`: change it there. -->

# Errors and their reasons

Every refusal has a code (`error`), which programs read, and a reason. The codes are those of the standards and stay as they are. A reason has a stable name and a sentence. The sentence is the
`error_description`. Both stand in the line `refused a request` of the log (`reason` and `description`), together with the request id that the answer carries as `X-Request-Id`; the metric
`mapae_refusals_total` counts by code and reason. `mapae explain NAME` says about one reason what this page says. Where a reason speaks of a scope, a resource or a grant type, the answer names it behind
a colon.

What a resource server refuses has its reasons in the same list: `mapae token explain` names them ([Why was my token rejected?](rejected-tokens.md)).

The name of a reason stays as it is, so search the log for it and write alerts with it. The sentence may get better words in a new version, so do not write programs that compare it.

## Codes

| `error` | status | where |
|---|---|---|
";

const AFTER_CODES: &str = "
What comes back in a redirect has no status of its own. Besides these there is `server_error` (500: the failure is ours, the log has its cause). Why nobody came in by a provider has
[a list of its own](social/README.md#when-it-does-not-work).
";

impl ReasonSection {
    const EVERY: [Self; 16] = [
        Self::ClientAuthentication,
        Self::AnyRequest,
        Self::Token,
        Self::DpopProofs,
        Self::Certificates,
        Self::TokenOfProvider,
        Self::Delegation,
        Self::IdJag,
        Self::AuthorizePage,
        Self::AuthorizeRedirect,
        Self::PushedRequests,
        Self::Registration,
        Self::Resources,
        Self::Pages,
        Self::Administration,
        Self::AccessTokens,
    ];

    /// The text above the section's table.
    fn preface(self) -> &'static str {
        match self {
            Self::ClientAuthentication => {
                "## Client authentication\n\nAt `/token`, `/par`, `/device_authorization`, `/introspect` and `/revoke`. Whatever it is that is `invalid_client`, the client is told `client authentication failed` and no more: the reason stands in the log alone."
            }
            Self::AnyRequest => "## Any request",
            Self::Token => "## `/token`",
            Self::DpopProofs => "With a proof of possession ([DPoP](dpop.md)):",
            Self::Certificates => {
                "With a client certificate ([mutual TLS](mtls.md)), wherever a client authenticates or a token is bound. Of what is `invalid_client` the client is told no more than that, as above:"
            }
            Self::TokenOfProvider => "With the token of a provider (token exchange, JWT bearer):",
            Self::Delegation => {
                "With an access token of this server ([delegation](delegation.md)):"
            }
            Self::IdJag => {
                "With a grant for another authorization server, or by one ([ID-JAG](id-jag.md)):"
            }
            Self::AuthorizePage => {
                "## `/authorize`\n\nWhere client or redirect URI cannot be trusted the person sees a page, and the reason stands in the log alone. So it is with a client that is unknown (`client_unknown`) or disabled (`client_disabled`), too:"
            }
            Self::AuthorizeRedirect => "Everything else goes back to the app:",
            Self::PushedRequests => {
                "## `/par`\n\nBesides what is refused at `/authorize`, which is answered here as JSON with the status of its code:"
            }
            Self::Registration => {
                "## `/register`\n\nHow an app registers itself, and what it may ask for, is in [registration.md](registration.md)."
            }
            Self::Resources => {
                "## `/userinfo`, `/introspect`, `/revoke`, `/logout`, `/status`, `/revocations`"
            }
            Self::Pages => {
                "## Pages\n\nThe page has the code in small print, and the reason stands in the log."
            }
            Self::Administration => {
                "## `/admin/api`\n\nThe administration API answers with problem details (RFC 9457): `reason` is the name from this list, `detail` says more."
            }
            Self::AccessTokens => {
                "## Access tokens at a resource server\n\nWhat `mapae token explain` says about a token, and what the resource server should answer. No endpoint of this server tells these: `/userinfo` says `access_token_invalid`, and `/introspect` says `active: false`."
            }
        }
    }
}

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut page = TOP.to_owned();
    for code in ErrorCode::ALL {
        line(&mut page, &[&code_in_text(*code), &code.status().to_string(), code.place()]);
    }
    page.push_str(AFTER_CODES);
    for section in ReasonSection::EVERY {
        page.push('\n');
        page.push_str(section.preface());
        page.push_str(
            "\n\n| reason | status | `error` | in words | what to do |\n|---|---|---|---|---|\n",
        );
        for reason in Reason::ALL.iter().filter(|reason| reason.section() == section) {
            let code = reason.code().map(code_in_text).unwrap_or_default();
            let name = format!("`{reason}`");
            let status = reason.status().map_or("redirect".to_owned(), |status| status.to_string());
            line(&mut page, &[&name, &status, &code, reason.sentence(), reason.advice()]);
        }
    }
    page
}

fn code_in_text(code: ErrorCode) -> String {
    format!("`{}`", code.as_str())
}

fn line(page: &mut String, cells: &[&str]) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}
