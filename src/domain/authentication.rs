//! What a person proved, and when. How strong that is (`acr`), what tokens call it (`amr`) and how
//! old it is (`auth_time`) follow from it, by pure functions.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

pub use super::acr::Acr;
use super::provider::{FEDERATED, Slug};

/// A method by which a person proves who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Method {
    /// The password.
    Password,
    /// A provider vouched for the person.
    Provider {
        /// The provider.
        slug: Slug,
        /// The issuer that vouched. Another provider may have had the same name before.
        issuer: String,
    },
    /// A code from the person's mailbox.
    MailCode,
    /// A passkey, with user verification.
    Passkey {
        /// Whether the authenticator says that the key can be copied to other devices.
        backed_up: bool,
    },
    /// A time-based one-time code, RFC 6238.
    Totp,
    /// One of the recovery codes that stand in for one-time codes.
    RecoveryCode,
}

/// The part that a method plays in a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It begins a sign-in, and is one factor.
    First,
    /// It is a second factor.
    Second,
    /// It is a complete sign-in of two factors.
    Both,
}

impl Method {
    fn part(&self) -> Part {
        match self {
            Self::Password | Self::Provider { .. } | Self::MailCode => Part::First,
            Self::Totp | Self::RecoveryCode => Part::Second,
            Self::Passkey { .. } => Part::Both,
        }
    }

    /// Whether a later proof by the other method takes the place of one by this method.
    fn is_replaced_by(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The names of the method, RFC 8176 §2. `fed` and the slug of a provider are ours.
    fn amr(&self) -> Vec<&str> {
        match self {
            Self::Password => vec!["pwd"],
            Self::Provider { slug, .. } => vec![FEDERATED, slug.as_str()],
            Self::MailCode | Self::Totp | Self::RecoveryCode => vec!["otp"],
            Self::Passkey { backed_up: false } => vec!["hwk", "user"],
            Self::Passkey { backed_up: true } => vec!["swk", "user"],
        }
    }
}

/// One thing that a person proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// By which method.
    #[serde(flatten)]
    pub method: Method,
    /// When.
    #[serde(with = "chrono::serde::ts_milliseconds")]
    pub at: DateTime<Utc>,
}

/// Everything that a person proved for a session. It is never empty, and it has one proof of each
/// method at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Proof>", into = "Vec<Proof>")]
pub struct Authentication {
    first: Proof,
    more: Vec<Proof>,
}

impl TryFrom<Vec<Proof>> for Authentication {
    type Error = &'static str;

    fn try_from(proofs: Vec<Proof>) -> Result<Self, &'static str> {
        let mut proofs = proofs.into_iter();
        let first = proofs.next().ok_or("nothing was proven")?;
        Ok(Self { first, more: proofs.collect() })
    }
}

impl From<Authentication> for Vec<Proof> {
    fn from(authentication: Authentication) -> Self {
        std::iter::once(authentication.first).chain(authentication.more).collect()
    }
}

/// How old a proof may be with which a person changes how they sign in.
const FRESH: Duration = Duration::minutes(5);

impl Authentication {
    /// A sign-in that begins with this proof.
    #[must_use]
    pub fn by(method: Method, at: DateTime<Utc>) -> Self {
        Self { first: Proof { method, at }, more: Vec::new() }
    }

    /// The same with one more proof. It takes the place of an earlier one by the same method.
    #[must_use]
    pub fn with(mut self, method: Method, at: DateTime<Utc>) -> Self {
        let proof = Proof { method, at };
        let mut every = std::iter::once(&mut self.first).chain(&mut self.more);
        if let Some(known) = every.find(|known| known.method.is_replaced_by(&proof.method)) {
            *known = proof;
        } else {
            self.more.push(proof);
        }
        self
    }

    /// The same with the proofs of a later sign-in of the same person.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let later = Vec::from(later).into_iter();
        later.fold(self, |all, proof| all.with(proof.method, proof.at))
    }

    /// The same sign-in, if a provider vouched for the person and their password only proved that
    /// the account is theirs: what begins it is the provider.
    #[must_use]
    pub fn by_provider(self, slug: Slug, issuer: String, at: DateTime<Utc>) -> Self {
        let more = Vec::from(self).into_iter().filter(|proof| proof.method.part() != Part::First);
        Self {
            first: Proof { method: Method::Provider { slug, issuer }, at },
            more: more.collect(),
        }
    }

    /// Every proof.
    pub fn proofs(&self) -> impl Iterator<Item = &Proof> {
        std::iter::once(&self.first).chain(&self.more)
    }

    fn latest_of(&self, parts: &[Part]) -> Option<DateTime<Utc>> {
        let of = self.proofs().filter(|proof| parts.contains(&proof.method.part()));
        of.map(|proof| proof.at).max()
    }

    /// Since when this strength is proven: the older of the proofs that it needs. `None` if it is
    /// not reached.
    #[must_use]
    pub fn proven_at(&self, acr: Acr) -> Option<DateTime<Utc>> {
        let passkey = self.latest_of(&[Part::Both]);
        let first = self.latest_of(&[Part::First, Part::Both]);
        let second = self.latest_of(&[Part::Second]);
        match acr {
            Acr::One => Some(first.unwrap_or(self.first.at)),
            Acr::Two => passkey.max(first.zip(second).map(|(first, second)| first.min(second))),
            Acr::PhishingResistant => passkey,
        }
    }

    /// The greatest strength that is reached.
    #[must_use]
    pub fn acr(&self) -> Acr {
        let reached = Acr::ALL.iter().rev().find(|acr| self.proven_at(**acr).is_some());
        reached.copied().unwrap_or_default()
    }

    /// The `acr` for a request that asks for one of these: the first that is reached, else the
    /// greatest.
    #[must_use]
    pub fn acr_among(&self, wanted: &[Acr]) -> Acr {
        let reached = wanted.iter().copied().find(|acr| self.proven_at(*acr).is_some());
        reached.unwrap_or_else(|| self.acr())
    }

    /// `auth_time` for this `acr`.
    #[must_use]
    pub fn auth_time(&self, acr: Acr) -> DateTime<Utc> {
        self.proven_at(acr).unwrap_or_else(|| self.signed_in_at())
    }

    /// When the sign-in began.
    #[must_use]
    pub fn signed_in_at(&self) -> DateTime<Utc> {
        self.proven_at(Acr::One).unwrap_or(self.first.at)
    }

    /// When the last proof was given.
    #[must_use]
    pub fn latest(&self) -> DateTime<Utc> {
        self.proofs().map(|proof| proof.at).max().unwrap_or(self.first.at)
    }

    /// `amr`. If a provider vouched for the person, it comes first.
    #[must_use]
    pub fn amr(&self) -> Vec<String> {
        let is_provider = |proof: &&Proof| matches!(proof.method, Method::Provider { .. });
        let (providers, others): (Vec<_>, Vec<_>) = self.proofs().partition(is_provider);
        let mut amr: Vec<String> = Vec::new();
        amr.extend(providers.iter().flat_map(|proof| proof.method.amr()).map(str::to_owned));
        // The slug of a provider may be any word, so only the words behind it are compared.
        let own = amr.len();
        let both = (self.acr() >= Acr::Two).then_some("mfa");
        for name in others.into_iter().flat_map(|proof| proof.method.amr()).chain(both) {
            if !amr.iter().skip(own).any(|known| known == name) {
                amr.push(name.to_owned());
            }
        }
        amr
    }

    /// The provider that vouched for the person, and its issuer.
    #[must_use]
    pub fn provider(&self) -> Option<(&Slug, &str)> {
        self.proofs().find_map(|proof| match &proof.method {
            Method::Provider { slug, issuer } => Some((slug, issuer.as_str())),
            _ => None,
        })
    }

    /// The issuer of the provider that vouched for the person.
    #[must_use]
    pub fn provider_issuer(&self) -> Option<&str> {
        self.provider().map(|(_, issuer)| issuer)
    }

    /// Whether this strength was proven so recently that the person may change how they sign in.
    #[must_use]
    pub fn is_fresh(&self, now: DateTime<Utc>, needed: Acr) -> bool {
        self.fresh_until(needed).is_some_and(|end| now < end)
    }

    /// Until when the proof of this strength counts as recent; `None` if it is not reached.
    #[must_use]
    pub fn fresh_until(&self, needed: Acr) -> Option<DateTime<Utc>> {
        self.proven_at(needed).map(|at| at + FRESH)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::clock::from_millis;

    fn t(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    fn provider() -> Method {
        let slug = Slug::parse("kakao").unwrap();
        Method::Provider { slug, issuer: "https://idp".to_owned() }
    }

    fn proven(proofs: &[(Method, i64)]) -> Authentication {
        let mut proofs = proofs.iter().cloned();
        let (method, at) = proofs.next().unwrap();
        proofs.fold(Authentication::by(method, t(at)), |all, (method, at)| all.with(method, t(at)))
    }

    #[test]
    fn strength_age_and_names_follow_from_what_was_proven() {
        use Acr::{One, PhishingResistant, Two};
        use Method::{MailCode, Passkey, Password, RecoveryCode, Totp};
        let passkey = |backed_up| Passkey { backed_up };
        for (proofs, acr, auth_time, amr) in [
            (vec![(Password, 5)], One, 5, vec!["pwd"]),
            (vec![(MailCode, 5)], One, 5, vec!["otp"]),
            (vec![(provider(), 5)], One, 5, vec!["fed", "kakao"]),
            (vec![(Password, 5), (MailCode, 9)], One, 9, vec!["pwd", "otp"]),
            (vec![(Password, 5), (Totp, 7)], Two, 5, vec!["pwd", "otp", "mfa"]),
            (vec![(Password, 5), (RecoveryCode, 7)], Two, 5, vec!["pwd", "otp", "mfa"]),
            (vec![(provider(), 5), (Totp, 7)], Two, 5, vec!["fed", "kakao", "otp", "mfa"]),
            (vec![(MailCode, 5), (Totp, 7)], Two, 5, vec!["otp", "mfa"]),
            (vec![(passkey(false), 5)], PhishingResistant, 5, vec!["hwk", "user", "mfa"]),
            (vec![(passkey(true), 5)], PhishingResistant, 5, vec!["swk", "user", "mfa"]),
            (
                vec![(Password, 5), (passkey(true), 8)],
                PhishingResistant,
                8,
                vec!["pwd", "swk", "user", "mfa"],
            ),
            (vec![(Password, 5), (provider(), 9)], One, 9, vec!["fed", "kakao", "pwd"]),
        ] {
            let all = proven(&proofs);
            assert_eq!(all.acr(), acr, "{proofs:?}");
            assert_eq!(all.auth_time(acr), t(auth_time), "{proofs:?}");
            assert_eq!(all.amr(), amr, "{proofs:?}");
        }
    }

    #[test]
    fn a_token_says_the_first_strength_that_was_asked_for_and_is_met() {
        use Acr::{One, PhishingResistant, Two};
        let one = proven(&[(Method::Password, 5)]);
        let two = proven(&[(Method::Password, 5), (Method::Totp, 9)]);
        let three = proven(&[(Method::Password, 5), (Method::Passkey { backed_up: true }, 7)]);
        for (all, wanted, acr, auth_time) in [
            (&one, vec![], One, 5),
            (&one, vec![Two], One, 5),
            (&two, vec![], Two, 5),
            (&two, vec![One, Two], One, 5),
            (&two, vec![PhishingResistant, One], One, 5),
            (&two, vec![PhishingResistant], Two, 5),
            (&three, vec![Two, PhishingResistant], Two, 7),
            (&three, vec![One], One, 7),
        ] {
            assert_eq!(all.acr_among(&wanted), acr, "{wanted:?}");
            assert_eq!(all.auth_time(acr), t(auth_time), "{wanted:?}");
        }
    }

    #[test]
    fn a_proof_of_the_same_method_takes_the_place_of_the_earlier_one() {
        let all = proven(&[(Method::Password, 5), (Method::Totp, 6), (Method::Totp, 9)]);
        assert_eq!(all.proofs().count(), 2);
        assert_eq!(all.proven_at(Acr::Two), Some(t(5)));
        let later = all.with(Method::Password, t(20));
        assert_eq!(later.proven_at(Acr::Two), Some(t(9)));
        let by = later.by_provider(Slug::parse("idp").unwrap(), "https://idp".to_owned(), t(21));
        assert_eq!(by.amr(), ["fed", "idp", "otp", "mfa"]);
        assert_eq!(by.provider_issuer(), Some("https://idp"));
    }

    #[test]
    fn a_change_needs_every_proof_of_its_strength_within_five_minutes() {
        let all = proven(&[(Method::Password, 0), (Method::Totp, 200)]);
        for (now, needed, fresh) in [
            (299, Acr::One, true),
            (300, Acr::One, false),
            (299, Acr::Two, true),
            (300, Acr::Two, false),
            (10, Acr::PhishingResistant, false),
        ] {
            assert_eq!(all.is_fresh(t(now), needed), fresh, "{now} {needed:?}");
        }
    }

    #[test]
    fn what_is_stored_is_read_again_and_nothing_is_no_proof() {
        let all = proven(&[(provider(), 5), (Method::Passkey { backed_up: true }, 7)]);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(
            text,
            r#"[{"method":"provider","slug":"kakao","issuer":"https://idp","at":5000},{"method":"passkey","backed_up":true,"at":7000}]"#
        );
        assert_eq!(serde_json::from_str::<Authentication>(&text).unwrap(), all);
        assert!(serde_json::from_str::<Authentication>("[]").is_err());
    }

    fn any_method() -> impl Strategy<Value = Method> {
        prop_oneof![
            Just(Method::Password),
            Just(provider()),
            Just(Method::MailCode),
            any::<bool>().prop_map(|backed_up| Method::Passkey { backed_up }),
            Just(Method::Totp),
            Just(Method::RecoveryCode),
        ]
    }

    proptest! {
        #[test]
        fn more_proofs_never_weaken_and_a_stronger_demand_is_never_younger(
            first in (any_method(), 0_i64..1000),
            more in prop::collection::vec((any_method(), 0_i64..1000), 0..6),
        ) {
            let mut all = proven(&[first]);
            let mut now = 1000;
            for (method, later) in more {
                let before = all.acr();
                now += later;
                all = all.with(method, t(now));
                prop_assert!(all.acr() >= before);
            }
            prop_assert!(all.proven_at(Acr::One).is_some());
            for acr in Acr::ALL {
                prop_assert_eq!(all.proven_at(*acr).is_some(), *acr <= all.acr());
                prop_assert!(all.auth_time(*acr) <= all.latest());
            }
            if let (Some(two), Some(three)) =
                (all.proven_at(Acr::Two), all.proven_at(Acr::PhishingResistant))
            {
                prop_assert!(three <= two);
            }
            let text = serde_json::to_string(&all).unwrap();
            prop_assert_eq!(serde_json::from_str::<Authentication>(&text).unwrap(), all);
        }
    }
}
