//! Passkeys: the credentials of Web Authentication with which people sign in without a password.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::user::UserId;

/// A passkey of an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passkey {
    /// The identifier that the authenticator gave it.
    pub id: Vec<u8>,
    /// The user whose passkey it is.
    pub user: UserId,
    /// The public key, and what else is needed to verify a signature, as JSON.
    pub credential: String,
    /// The number of signatures, as the authenticator last counted them; 0 if it does not count.
    pub counter: u32,
    /// Whether it can be copied to other devices of the person.
    pub backed_up: bool,
    /// The model of the authenticator. Nothing proves it, so it only serves to name the passkey.
    pub aaguid: Uuid,
    /// The name that the person gave it.
    pub name: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When the person last signed in with it.
    pub used_at: Option<DateTime<Utc>>,
}

/// The most passkeys of an account.
pub const MOST: usize = 50;
/// The most characters of a name.
const LONGEST_NAME: usize = 64;

impl Passkey {
    /// How forms and audit events call it. It is a hash, so it reveals nothing.
    #[must_use]
    pub fn handle(&self) -> String {
        let hash = Sha256::digest(&self.id);
        URL_SAFE_NO_PAD.encode(hash.get(..12).unwrap_or_default())
    }

    /// Its name: the one that the person gave it, or that of the authenticator's kind.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| authenticator(self.aaguid))
    }
}

/// The name that a person typed for a passkey. An empty one stands for the name of its kind.
#[must_use]
pub fn name(typed: &str) -> Option<String> {
    let plain: String = typed.chars().filter(|c| !c.is_control()).collect();
    let name: String = plain.trim().chars().take(LONGEST_NAME).collect();
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// The user handle of an account, Web Authentication §5.4.3: the authenticator keeps it with the
/// passkey. It is a hash, because others may read it there.
#[must_use]
pub fn user_handle(user: &UserId) -> Uuid {
    let hash = Sha256::digest([b"user handle of ", user.as_str().as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    Uuid::new_v8(bytes)
}

/// The names of well-known authenticators, by their AAGUID.
const AUTHENTICATORS: &[(u128, &str)] = &[
    (0xea9b_8d66_4d01_1d21_3ce4_b6b4_8cb5_75d4, "Google Password Manager"),
    (0xfbfc_3007_154e_4ecc_8c0b_6e02_0557_d7bd, "Apple Passwords"),
    (0xdd4e_c289_e01d_41c9_bb89_70fa_845d_4bf2, "iCloud Keychain"),
    (0x0898_7058_cadc_4b81_b6e1_30de_50dc_be96, "Windows Hello"),
    (0x9ddd_1817_af5a_4672_a2b9_3e3d_d950_00a9, "Windows Hello"),
    (0x6028_b017_b1d4_4c02_b4b3_afcd_afc9_6bb2, "Windows Hello"),
    (0xd345_2668_01fd_4c12_926c_83a4_2048_53aa, "Microsoft Password Manager"),
    (0xadce_0002_35bc_c60a_648b_0b25_f1f0_5503, "Chrome on Mac"),
    (0x771b_48fd_d3d4_4f74_9232_fc15_7ab0_507a, "Edge on Mac"),
    (0x5341_4d53_554e_4700_0000_0000_0000_0000, "Samsung Pass"),
    (0xbada_5566_a7aa_401f_bd96_4561_9a55_120d, "1Password"),
    (0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349, "Bitwarden"),
    (0x5311_26d6_e717_415c_9320_3d9a_a698_1239, "Dashlane"),
    (0x5072_6f74_6f6e_5061_7373_5072_6f74_6f6e, "Proton Pass"),
    (0xb84e_4048_15dc_4dd0_8640_f4f6_0813_c8af, "NordPass"),
    (0x0ea2_42b4_43c4_4a1b_8b17_dd6d_0b6b_aec6, "Keeper"),
    (0xf380_9540_7f14_49c1_a8b3_8f81_3b22_5541, "Enpass"),
    (0xfdb1_41b2_5d84_443e_8a35_4698_c205_a502, "KeePassXC"),
    (0xcb69_481e_8ff7_4039_93ec_0a27_29a1_54a8, "YubiKey"),
    (0xee88_2879_721c_4913_9775_3dfc_ce97_072a, "YubiKey"),
    (0xfa2b_99dc_9e39_4257_8f92_4a30_d23c_4118, "YubiKey"),
    (0x2fc0_579f_8113_47ea_b116_bb5a_8db9_202a, "YubiKey"),
    (0xd852_2d9f_575b_4866_88a9_ba99_fa02_f35b, "YubiKey"),
    (0x42b4_fb4a_2866_43b2_9bf7_6c66_69c2_e5d3, "Titan Security Key"),
];

/// The name of an authenticator's kind, if it is well known.
#[must_use]
pub fn authenticator(aaguid: Uuid) -> Option<&'static str> {
    AUTHENTICATORS.iter().find(|(known, _)| *known == aaguid.as_u128()).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authenticator_is_found_by_its_aaguid() {
        let named = |text: &str| authenticator(Uuid::parse_str(text).unwrap());
        assert_eq!(named("d548826e-79b4-db40-a3d8-11116f7e8349"), Some("Bitwarden"));
        assert_eq!(named("00000000-0000-0000-0000-000000000000"), None);
        let every: std::collections::BTreeSet<_> = AUTHENTICATORS.iter().map(|one| one.0).collect();
        assert_eq!(every.len(), AUTHENTICATORS.len());
    }

    #[test]
    fn a_name_is_one_short_line_or_none() {
        for (typed, expected) in [
            ("Phone", Some("Phone")),
            ("  My\u{7}\n key ", Some("My key")),
            ("", None),
            (" \t ", None),
            ("\u{0}", None),
        ] {
            assert_eq!(name(typed).as_deref(), expected, "{typed:?}");
        }
        assert_eq!(name(&"한".repeat(100)).unwrap().chars().count(), LONGEST_NAME);
    }

    #[test]
    fn a_user_handle_is_always_the_same_and_shows_no_user() {
        let user = UserId::from_stored("0d9f1b7c-6a33-4c0e-9a0b-2b8de8e0a6a1".to_owned());
        let other = UserId::from_stored("alice".to_owned());
        assert_eq!(user_handle(&user), user_handle(&user));
        assert_ne!(user_handle(&user), user_handle(&other));
        assert!(!user_handle(&user).to_string().contains("0d9f1b7c"));
    }
}
