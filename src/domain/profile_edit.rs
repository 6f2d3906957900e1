//! What a person may write into their own profile: the standard claims that apps read (OpenID
//! Connect Core §5.1), each with the rule for its value.

use chrono::NaiveDate;
use url::Url;

use super::locale;
use super::user::Profile;

/// A field of the profile that its person may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the claim of that name")]
pub enum ProfileField {
    Name,
    Nickname,
    Picture,
    Locale,
    Zoneinfo,
    GivenName,
    FamilyName,
    Birthdate,
    Gender,
    Website,
    Profile,
}

/// Why a value was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// It is longer than [`LONGEST`] characters.
    TooLong,
    /// It contains something that is no text, for example the end of a line.
    Unreadable,
    /// It is not the `https` address of something.
    NotHttps,
    /// It is not a date.
    NotDate,
    /// It is not the tag of a language.
    UnknownLocale,
    /// It is not a time zone.
    UnknownZone,
    /// It is not a whole number, or too large a one.
    NotNumber,
}

/// The most characters of a value.
pub const LONGEST: usize = 200;
/// The most characters of an address.
pub const LONGEST_URL: usize = 1000;

impl ProfileField {
    /// Every field, in the order of the page: first those that most apps read.
    pub const ALL: [Self; 11] = [
        Self::Name,
        Self::Nickname,
        Self::Picture,
        Self::Locale,
        Self::Zoneinfo,
        Self::GivenName,
        Self::FamilyName,
        Self::Birthdate,
        Self::Gender,
        Self::Website,
        Self::Profile,
    ];

    /// The name of the claim, which is also the name of the field in the form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Nickname => "nickname",
            Self::Picture => "picture",
            Self::Locale => "locale",
            Self::Zoneinfo => "zoneinfo",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Birthdate => "birthdate",
            Self::Gender => "gender",
            Self::Website => "website",
            Self::Profile => "profile",
        }
    }

    /// The value in a profile.
    #[must_use]
    pub fn of(self, profile: &Profile) -> Option<&str> {
        match self {
            Self::Name => profile.name.as_deref(),
            Self::Nickname => profile.nickname.as_deref(),
            Self::Picture => profile.picture.as_deref(),
            Self::Locale => profile.locale.as_deref(),
            Self::Zoneinfo => profile.zoneinfo.as_deref(),
            Self::GivenName => profile.given_name.as_deref(),
            Self::FamilyName => profile.family_name.as_deref(),
            Self::Birthdate => profile.birthdate.as_deref(),
            Self::Gender => profile.gender.as_deref(),
            Self::Website => profile.website.as_deref(),
            Self::Profile => profile.profile.as_deref(),
        }
    }

    /// Writes a value that was checked into a profile; `None` removes it.
    pub fn set(self, profile: &mut Profile, value: Option<String>) {
        *match self {
            Self::Name => &mut profile.name,
            Self::Nickname => &mut profile.nickname,
            Self::Picture => &mut profile.picture,
            Self::Locale => &mut profile.locale,
            Self::Zoneinfo => &mut profile.zoneinfo,
            Self::GivenName => &mut profile.given_name,
            Self::FamilyName => &mut profile.family_name,
            Self::Birthdate => &mut profile.birthdate,
            Self::Gender => &mut profile.gender,
            Self::Website => &mut profile.website,
            Self::Profile => &mut profile.profile,
        } = value;
    }

    /// Checks what a person typed, without the spaces around it. An empty text removes the value.
    /// The caller knows which time zones there are.
    pub fn check(
        self,
        typed: &str,
        is_zone: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, FieldProblem> {
        let text = typed.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let longest = if self.is_url() { LONGEST_URL } else { LONGEST };
        if text.chars().count() > longest {
            return Err(FieldProblem::TooLong);
        }
        if text.chars().any(is_no_text) {
            return Err(FieldProblem::Unreadable);
        }
        match self {
            Self::Picture | Self::Website | Self::Profile if !is_web_address(text) => {
                Err(FieldProblem::NotHttps)
            }
            Self::Birthdate if !is_birthdate(text) => Err(FieldProblem::NotDate),
            Self::Zoneinfo if !is_zone(text) => Err(FieldProblem::UnknownZone),
            Self::Locale => match locale::canonical(text) {
                Some(tag) => Ok(Some(tag)),
                None => Err(FieldProblem::UnknownLocale),
            },
            _ => Ok(Some(text.to_owned())),
        }
    }

    /// Whether the value is the address of something.
    #[must_use]
    pub fn is_url(self) -> bool {
        matches!(self, Self::Picture | Self::Website | Self::Profile)
    }
}

/// Control characters, and marks that turn the direction of the text around them.
pub(super) fn is_no_text(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// OpenID Connect Core §5.1: `YYYY-MM-DD`, with the year `0000` if it is left out, or `YYYY`.
fn is_birthdate(text: &str) -> bool {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    // 2000 had a 29th of February.
    let dated =
        text.strip_prefix("0000-").map_or_else(|| text.to_owned(), |day| format!("2000-{day}"));
    let is_date = text.len() == 10 && NaiveDate::parse_from_str(&dated, "%Y-%m-%d").is_ok();
    is_year || is_date
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: ProfileField, typed: &str) -> Result<Option<String>, FieldProblem> {
        field.check(typed, |zone| ["Asia/Seoul", "UTC"].contains(&zone))
    }

    #[test]
    fn every_value_is_checked_by_the_rule_of_its_claim() {
        let long = "x".repeat(LONGEST + 1);
        let long_url = format!("https://a.example/{long_url}", long_url = "x".repeat(LONGEST_URL));
        for (field, typed, taken) in [
            (ProfileField::Name, " 홍길동 ", Ok(Some("홍길동"))),
            (ProfileField::Name, "", Ok(None)),
            (ProfileField::Name, " \t", Ok(None)),
            (ProfileField::Name, &long, Err(FieldProblem::TooLong)),
            (ProfileField::Name, "a\nb", Err(FieldProblem::Unreadable)),
            (ProfileField::Nickname, "a\u{202e}b", Err(FieldProblem::Unreadable)),
            (ProfileField::Nickname, "a\0b", Err(FieldProblem::Unreadable)),
            (
                ProfileField::Picture,
                "https://a.example/me.png",
                Ok(Some("https://a.example/me.png")),
            ),
            (ProfileField::Picture, "http://a.example/me.png", Err(FieldProblem::NotHttps)),
            (ProfileField::Picture, "javascript:alert(1)", Err(FieldProblem::NotHttps)),
            (ProfileField::Picture, "data:image/png,x", Err(FieldProblem::NotHttps)),
            (ProfileField::Picture, "me.png", Err(FieldProblem::NotHttps)),
            (ProfileField::Website, "https://u:p@a.example/", Err(FieldProblem::NotHttps)),
            (ProfileField::Website, "https://", Err(FieldProblem::NotHttps)),
            (ProfileField::Profile, &long_url, Err(FieldProblem::TooLong)),
            (ProfileField::Birthdate, "1990-02-28", Ok(Some("1990-02-28"))),
            (ProfileField::Birthdate, "0000-02-29", Ok(Some("0000-02-29"))),
            (ProfileField::Birthdate, "1990", Ok(Some("1990"))),
            (ProfileField::Birthdate, "1990-02-30", Err(FieldProblem::NotDate)),
            (ProfileField::Birthdate, "28.2.1990", Err(FieldProblem::NotDate)),
            (ProfileField::Birthdate, "1990-2-28", Err(FieldProblem::NotDate)),
            (ProfileField::Zoneinfo, "Asia/Seoul", Ok(Some("Asia/Seoul"))),
            (ProfileField::Zoneinfo, "Seoul", Err(FieldProblem::UnknownZone)),
            (ProfileField::Locale, "ko-kr", Ok(Some("ko-KR"))),
            (ProfileField::Locale, "klingon", Err(FieldProblem::UnknownLocale)),
            (ProfileField::Gender, "female", Ok(Some("female"))),
        ] {
            let taken = taken.map(|value| value.map(str::to_owned));
            assert_eq!(check(field, typed), taken, "{field:?} {typed:?}");
        }
    }

    #[test]
    fn every_field_writes_the_claim_that_it_reads() {
        let mut profile = Profile::default();
        for field in ProfileField::ALL {
            field.set(&mut profile, Some(field.as_str().to_owned()));
        }
        let claims = serde_json::to_value(&profile).unwrap();
        for field in ProfileField::ALL {
            assert_eq!(field.of(&profile), Some(field.as_str()));
            assert_eq!(claims[field.as_str()], field.as_str());
        }
    }
}
