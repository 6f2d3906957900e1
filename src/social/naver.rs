//! Naver: OAuth without OpenID Connect; the data of the person is in `response`. There is no way to
//! check for which app an access token was issued, so apps have to present codes.

use super::claims;
use super::code_flow::CodeRequest;
use super::error::UpstreamError;
use super::plain_oauth::PlainOAuth;
use super::provider::{
    PresentedToken, Provider, ProviderAnswer, UpstreamAuthorizationRequest,
    UpstreamAuthorizationResponse, UpstreamToken, VerifiedIdentity,
};
use super::upstream::Upstream;
use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;

/// Naver.
#[derive(Debug)]
pub(super) struct Naver {
    pub(super) oauth: PlainOAuth,
    pub(super) me: String,
}

impl Naver {
    pub(super) fn new(upstream: Upstream) -> Self {
        let authorize = format!("{}/oauth2.0/authorize", upstream.issuer());
        let token = format!("{}/oauth2.0/token", upstream.issuer());
        let me = format!("{}/v1/nid/me", upstream.api());
        Self { oauth: PlainOAuth::new(upstream, authorize, token), me }
    }

    async fn person(&self, access_token: &str) -> Result<Identity, UpstreamError> {
        let (status, answer) =
            self.oauth.upstream.channel.get(&self.me, Some(access_token)).await?;
        let code = claims::text(&answer, "resultcode").unwrap_or_default();
        let refused = || {
            UpstreamError::refused(
                FailureReason::PersonRefused,
                format!("status {status}, code {}", excerpt(&code)),
            )
        };
        let person = answer.get("response").filter(|_| status == 200 && code == "00");
        let person = person.ok_or_else(refused)?;
        let subject = claims::name(person, "id").ok_or_else(refused)?;
        let mut identity = Identity::new(self.oauth.upstream.issuer(), subject);
        // The address is one that the person entered as a contact address, so it proves nothing.
        identity.email = claims::email(person, "email");
        let profile = &mut identity.profile;
        profile.nickname = claims::text(person, "nickname");
        profile.name = claims::text(person, "name").or_else(|| profile.nickname.clone());
        profile.picture = claims::link(person, "profile_image");
        profile.gender = match claims::text(person, "gender").as_deref() {
            Some("F") => Some("female".to_owned()),
            Some("M") => Some("male".to_owned()),
            _ => None,
        };
        profile.birthdate =
            birthdate(claims::text(person, "birthyear"), claims::text(person, "birthday"));
        Ok(identity)
    }
}

/// Core §5.1: if the year is not known, it is 0000.
fn birthdate(year: Option<String>, day: Option<String>) -> Option<String> {
    match (year, day) {
        (Some(year), Some(day)) => Some(format!("{year}-{day}")),
        (None, Some(day)) => Some(format!("0000-{day}")),
        (year, None) => year,
    }
}

impl Provider for Naver {
    fn start<'a>(
        &'a self,
        request: UpstreamAuthorizationRequest<'a>,
    ) -> ProviderAnswer<'a, String> {
        Box::pin(std::future::ready(self.oauth.authorization_url(request, &[])))
    }

    fn finish<'a>(
        &'a self,
        response: UpstreamAuthorizationResponse<'a>,
    ) -> ProviderAnswer<'a, Identity> {
        Box::pin(async move {
            let request =
                CodeRequest { extra: &[("state", response.state)], ..CodeRequest::of(response) };
            let token = self.oauth.redeem(request).await?;
            self.person(&token).await
        })
    }

    fn prove<'a>(&'a self, presented: PresentedToken<'a>) -> ProviderAnswer<'a, VerifiedIdentity> {
        Box::pin(async move {
            let UpstreamToken::Code { code, redirect_uri, verifier, state } = presented.token
            else {
                return Err(UpstreamError::Unprovable);
            };
            // There is no evidence that Naver compares the redirect URI or the verifier, so the
            // state is required.
            let missing = || {
                UpstreamError::refused(FailureReason::StateMissing, "a code comes with its state")
            };
            let extra = [("state", state.ok_or_else(missing)?)];
            let request = CodeRequest { code, redirect_uri, verifier, extra: &extra };
            let token = self.oauth.redeem(request).await?;
            Ok(self.person(&token).await?.into())
        })
    }

    fn issues(&self, issuer: &str) -> bool {
        issuer == self.oauth.upstream.issuer()
    }

    /// Naver asks for the state instead.
    fn names_redirect_uri(&self) -> bool {
        false
    }

    fn is_failing(&self) -> bool {
        self.oauth.upstream.channel.is_failing()
    }

    fn check<'a>(&'a self, redirect_uri: &'a str) -> ProviderAnswer<'a, Vec<String>> {
        Box::pin(async move {
            self.oauth.check(redirect_uri).await?;
            Ok(vec!["it answers at its token endpoint".to_owned()])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_5_1_a_birthday_in_two_halves() {
        let text = |text: &str| Some(text.to_owned());
        for (year, day, expected) in [
            (text("1990"), text("10-01"), text("1990-10-01")),
            (None, text("10-01"), text("0000-10-01")),
            (text("1990"), None, text("1990")),
            (None, None, None),
        ] {
            assert_eq!(birthdate(year, day), expected);
        }
    }
}
