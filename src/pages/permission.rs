//! The permissions of an app, as people read them.

use super::frame::Frame;

/// One line of the list on the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission<'a> {
    /// To recognise the same person.
    Identity,
    /// The profile.
    Profile,
    /// Their e-mail address.
    Email,
    /// The postal address.
    Address,
    /// The phone number.
    Phone,
    /// Access while the person does not use the app.
    Offline,
    /// The groups that the person is in.
    Groups,
    /// The roles that the person has at the app.
    Roles,
    /// One named claim.
    Claim(&'a str),
    /// A scope of the app's own API, in the words that an operator gave it.
    Described(&'a str),
    /// A scope of the app's own API, shown as it is.
    Other(&'a str),
    /// To use all of these permissions at the service with this address, which is shown as it is.
    At(&'a str),
}

impl Permission<'_> {
    /// Its place in the list: first who the person is, then what the app sees of the person, then
    /// what the app may do.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::Identity => 0,
            Self::Profile => 1,
            Self::Email => 2,
            Self::Phone => 3,
            Self::Address => 4,
            Self::Claim(_) => 5,
            Self::Groups => 6,
            Self::Roles => 7,
            Self::Offline => 8,
            Self::Described(_) => 9,
            Self::Other(_) => 10,
            Self::At(_) => 11,
        }
    }

    /// Its text for people.
    pub(super) fn text(&self, frame: &Frame<'_>) -> String {
        match self {
            Self::Identity => frame.t("permission-identity"),
            Self::Profile => frame.t("permission-profile"),
            Self::Email => frame.t("permission-email"),
            Self::Address => frame.t("permission-address"),
            Self::Phone => frame.t("permission-phone"),
            Self::Offline => frame.t("permission-offline"),
            Self::Groups => frame.t("permission-groups"),
            Self::Roles => frame.t("permission-roles"),
            Self::Claim(claim) => claim_text(claim, frame),
            Self::Described(text) => (*text).to_owned(),
            Self::Other(_) => frame.t("permission-other"),
            Self::At(_) => frame.t("permission-at"),
        }
    }

    /// A second line that explains it.
    pub(super) fn detail(&self, frame: &Frame<'_>) -> Option<String> {
        match self {
            Self::Profile => Some(frame.t("permission-profile-detail")),
            Self::Groups => Some(frame.t("permission-groups-detail")),
            Self::Roles => Some(frame.t("permission-roles-detail")),
            Self::Offline => Some(frame.t("permission-offline-detail")),
            _ => None,
        }
    }

    /// The scope or the address to show as it is.
    pub(super) fn verbatim(&self) -> Option<&str> {
        match self {
            Self::Other(text) | Self::At(text) => Some(text),
            _ => None,
        }
    }

    /// The picture beside it: the path of a drawing of 24 by 24.
    pub(super) fn icon(&self) -> &'static str {
        match self {
            Self::Identity => {
                "M12 3l7 2.700v5.300c0 4.600-3 8.100-7 10-4-1.900-7-5.400-7-10V5.700zM9 12l2.200 2.200 4-4.200"
            }
            Self::Profile | Self::Claim(_) => {
                "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c.8-3.500 3.800-5 7.500-5s6.700 1.500 7.500 5"
            }
            Self::Groups => {
                "M9 11.500a3.300 3.300 0 1 0 0-6.600 3.300 3.300 0 0 0 0 6.600zM2.500 19c.7-3 3.300-4.500 6.500-4.500s5.800 1.500 6.500 4.500M15.500 5.200a3.200 3.200 0 0 1 0 6.100M17.500 14.800c2.100.600 3.500 2 4 4.200"
            }
            Self::Roles => {
                "M4 7.500h16v12H4zM9 7.500V5.200C9 4.500 9.500 4 10.200 4h3.600c.700 0 1.200.500 1.200 1.200v2.300M4 12.500h16M12 11v3"
            }
            Self::Email => "M3.500 6h17v12.500h-17zM4 6.800l8 6.200 8-6.200",
            Self::Address => {
                "M12 21c-4-4.200-6.500-7.400-6.500-11a6.500 6.500 0 0 1 13 0c0 3.600-2.500 6.800-6.500 11zM12 12.300a2.400 2.400 0 1 0 0-4.800 2.400 2.400 0 0 0 0 4.800z"
            }
            Self::Phone => {
                "M8 3h8a1.500 1.500 0 0 1 1.500 1.500v15A1.500 1.500 0 0 1 16 21H8a1.500 1.500 0 0 1-1.500-1.500v-15A1.500 1.500 0 0 1 8 3zM11 18h2"
            }
            Self::At(_) => {
                "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3.500 12h17M12 3c2.500 2.500 3.700 5.500 3.700 9s-1.200 6.500-3.700 9c-2.500-2.500-3.700-5.500-3.700-9s1.200-6.500 3.700-9z"
            }
            Self::Offline => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.200l3.400 2",
            Self::Described(_) | Self::Other(_) => {
                "M15 14a5 5 0 1 0-4.700-3.300L4 17v3h3.500v-2H10v-2.500l1.800-1.800c.9.3 1.900.300 3.200.300zM16 8h.01"
            }
        }
    }
}

/// The text for a claim. OpenID Connect Core §5.1 names the claims that have one.
fn claim_text(claim: &str, frame: &Frame<'_>) -> String {
    match claim {
        "sub" => frame.t("permission-identity"),
        "name" | "given_name" | "family_name" | "middle_name" => frame.t("claim-name"),
        "nickname" => frame.t("claim-nickname"),
        "preferred_username" => frame.t("claim-username"),
        "picture" => frame.t("claim-picture"),
        "profile" | "website" => frame.t("claim-website"),
        "gender" => frame.t("claim-gender"),
        "birthdate" => frame.t("claim-birthdate"),
        "zoneinfo" => frame.t("claim-zoneinfo"),
        "locale" => frame.t("claim-locale"),
        "updated_at" => frame.t("claim-updated"),
        "email" | "email_verified" => frame.t("permission-email"),
        "phone_number" | "phone_number_verified" => frame.t("permission-phone"),
        "address" => frame.t("permission-address"),
        other => frame.t1("claim-other", "claim", other),
    }
}
