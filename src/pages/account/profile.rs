//! The profile: the first page of my account.

use askama::Template;

use super::shell::Shell;
use crate::domain::attribute::AttributeType;
use crate::domain::profile_edit::{FieldProblem, ProfileField};
use crate::pages::frame::Frame;
use crate::pages::person::Account;

/// The page that says who the person is.
#[derive(Clone, Debug, Template)]
#[template(path = "account/profile.html")]
pub struct ProfilePage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page.
    pub shell: Shell<'a>,
    /// Whether the e-mail address is verified.
    pub email_verified: bool,
    /// The fields that the person can change.
    pub fields: Vec<ProfileInput<'a>>,
    /// The attributes that the operator declared.
    pub attributes: Vec<AttributeInput<'a>>,
    /// The other accounts of this browser.
    pub others: Vec<Account<'a>>,
}

/// A field that the person can change.
#[derive(Clone, Copy, Debug)]
pub struct ProfileInput<'a> {
    /// The field.
    pub field: ProfileField,
    /// Its value, or what the person typed.
    pub value: &'a str,
    /// Why what they typed was not taken.
    pub problem: Option<FieldProblem>,
}

/// An attribute that the operator declared, with its value.
#[derive(Clone, Debug)]
pub struct AttributeInput<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the operator calls it.
    pub label: &'a str,
    /// The type of its values.
    pub kind: AttributeType,
    /// Whether the person may change it.
    pub is_editable: bool,
    /// Its value, or what the person typed.
    pub value: String,
    /// Why what they typed was not taken.
    pub problem: Option<FieldProblem>,
}

impl AttributeInput<'_> {
    /// The name of its field in the form.
    #[must_use]
    pub fn field(name: &str) -> String {
        format!("attribute-{name}")
    }

    fn id(&self) -> String {
        Self::field(self.name)
    }

    fn is_choice(&self) -> bool {
        self.kind == AttributeType::Boolean
    }

    fn keyboard(&self) -> &'static str {
        if self.kind == AttributeType::Integer { "numeric" } else { "text" }
    }

    fn hint(&self, frame: &Frame<'_>) -> Option<String> {
        (self.kind == AttributeType::Date).then(|| frame.t("profile-birthdate-hint"))
    }

    fn problem_text(&self, frame: &Frame<'_>) -> Option<String> {
        self.problem.map(|problem| problem_text(problem, frame))
    }

    /// The value in words.
    fn words(&self, frame: &Frame<'_>) -> String {
        match (self.kind, self.value.as_str()) {
            (AttributeType::Boolean, "true") => frame.t("attribute-yes"),
            (AttributeType::Boolean, "false") => frame.t("attribute-no"),
            _ => self.value.clone(),
        }
    }
}

fn problem_text(problem: FieldProblem, frame: &Frame<'_>) -> String {
    match problem {
        FieldProblem::TooLong => frame.t("profile-too-long"),
        FieldProblem::Unreadable => frame.t("profile-unreadable"),
        FieldProblem::NotHttps => frame.t("profile-not-https"),
        FieldProblem::NotDate => frame.t("profile-not-date"),
        FieldProblem::UnknownLocale => frame.t("profile-unknown-locale"),
        FieldProblem::UnknownZone => frame.t("profile-unknown-zone"),
        FieldProblem::NotNumber => frame.t("attribute-not-number"),
    }
}

/// How many fields stand on the page at once; the others are shown when the person asks for them.
const FIRST: usize = 5;

impl<'a> ProfilePage<'a> {
    /// The fields that most apps read.
    fn first_fields(&self) -> &[ProfileInput<'a>] {
        self.fields.get(..FIRST).unwrap_or_default()
    }

    /// The other fields.
    fn more_fields(&self) -> &[ProfileInput<'a>] {
        self.fields.get(FIRST..).unwrap_or_default()
    }

    /// Whether the other fields are shown at once, because one of them has an error.
    fn is_open(&self) -> bool {
        self.more_fields().iter().any(|input| input.problem.is_some())
    }

    /// The attributes that the person may edit.
    fn editable(&self) -> Vec<&AttributeInput<'a>> {
        self.attributes.iter().filter(|one| one.is_editable).collect()
    }

    /// The attributes that the person sees alone.
    fn fixed(&self) -> Vec<&AttributeInput<'a>> {
        self.attributes.iter().filter(|one| !one.is_editable).collect()
    }

    /// Whether this attribute takes the focus: the first one with an error.
    fn attribute_takes_focus(&self, input: &AttributeInput<'_>) -> bool {
        let first = self.attributes.iter().find(|one| one.problem.is_some());
        first.is_some_and(|first| first.name == input.name)
    }

    /// Whether this field takes the focus: the first one with an error.
    fn takes_focus(&self, input: &ProfileInput<'_>) -> bool {
        let first = self.fields.iter().find(|one| one.problem.is_some());
        first.is_some_and(|first| first.field == input.field)
    }
}

impl ProfileInput<'_> {
    fn label(&self, frame: &Frame<'_>) -> String {
        match self.field {
            ProfileField::Name => frame.t("profile-name"),
            ProfileField::Nickname => frame.t("profile-nickname"),
            ProfileField::Picture => frame.t("profile-picture"),
            ProfileField::Locale => frame.t("profile-locale"),
            ProfileField::Zoneinfo => frame.t("profile-zoneinfo"),
            ProfileField::GivenName => frame.t("profile-given-name"),
            ProfileField::FamilyName => frame.t("profile-family-name"),
            ProfileField::Birthdate => frame.t("profile-birthdate"),
            ProfileField::Gender => frame.t("profile-gender"),
            ProfileField::Website => frame.t("profile-website"),
            ProfileField::Profile => frame.t("profile-profile"),
        }
    }

    /// One more word about what is expected.
    fn hint(&self, frame: &Frame<'_>) -> Option<String> {
        match self.field {
            ProfileField::Picture => Some(frame.t("profile-picture-hint")),
            ProfileField::Locale => Some(frame.t("profile-locale-hint")),
            ProfileField::Zoneinfo => Some(frame.t("profile-zoneinfo-hint")),
            ProfileField::Birthdate => Some(frame.t("profile-birthdate-hint")),
            _ => None,
        }
    }

    fn problem_text(&self, frame: &Frame<'_>) -> Option<String> {
        self.problem.map(|problem| problem_text(problem, frame))
    }

    /// The name by which browsers know what to fill in.
    fn autocomplete(&self) -> &'static str {
        match self.field {
            ProfileField::Name => "name",
            ProfileField::Nickname => "nickname",
            ProfileField::Picture => "photo",
            ProfileField::Locale => "language",
            ProfileField::Zoneinfo => "off",
            ProfileField::GivenName => "given-name",
            ProfileField::FamilyName => "family-name",
            ProfileField::Birthdate => "bday",
            ProfileField::Gender => "sex",
            ProfileField::Website | ProfileField::Profile => "url",
        }
    }

    /// The keyboard that a phone shows.
    fn keyboard(&self) -> &'static str {
        if self.field.is_url() { "url" } else { "text" }
    }

    /// The values that the browser offers while the person types.
    fn offered(&self) -> &'static [&'static str] {
        match self.field {
            ProfileField::Locale => LOCALES,
            ProfileField::Zoneinfo => ZONES,
            _ => &[],
        }
    }
}

/// Languages that the browser offers. Others can be typed.
const LOCALES: &[&str] = &[
    "ar",
    "bn",
    "cs",
    "da",
    "de-AT",
    "de-CH",
    "de-DE",
    "el",
    "en-AU",
    "en-CA",
    "en-GB",
    "en-IN",
    "en-US",
    "es-419",
    "es-ES",
    "es-MX",
    "fi",
    "fil",
    "fr-CA",
    "fr-FR",
    "he",
    "hi",
    "hu",
    "id",
    "it-IT",
    "ja-JP",
    "ko-KR",
    "ms",
    "nb",
    "nl-NL",
    "pl",
    "pt-BR",
    "pt-PT",
    "ro",
    "ru",
    "sv",
    "th",
    "tr",
    "uk",
    "ur",
    "vi",
    "zh-Hans-CN",
    "zh-Hant-HK",
    "zh-Hant-TW",
];

/// Time zones that the browser offers. Others can be typed.
const ZONES: &[&str] = &[
    "Africa/Cairo",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "Africa/Nairobi",
    "America/Anchorage",
    "America/Argentina/Buenos_Aires",
    "America/Bogota",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Lima",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Phoenix",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Toronto",
    "America/Vancouver",
    "Asia/Bangkok",
    "Asia/Dhaka",
    "Asia/Dubai",
    "Asia/Ho_Chi_Minh",
    "Asia/Hong_Kong",
    "Asia/Jakarta",
    "Asia/Jerusalem",
    "Asia/Karachi",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Manila",
    "Asia/Riyadh",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Taipei",
    "Asia/Tashkent",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Asia/Ulaanbaatar",
    "Asia/Yangon",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Brisbane",
    "Australia/Perth",
    "Australia/Sydney",
    "Europe/Amsterdam",
    "Europe/Athens",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Kyiv",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Moscow",
    "Europe/Paris",
    "Europe/Rome",
    "Europe/Stockholm",
    "Europe/Vienna",
    "Europe/Warsaw",
    "Europe/Zurich",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "UTC",
];
