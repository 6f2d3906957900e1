//! Time-based one-time codes, RFC 6238: six digits by HMAC-SHA1, a new one every 30 seconds, as
//! every authenticator app makes them.

use chrono::{DateTime, Utc};
use totp_rs::{Algorithm, Builder, Totp};

use crate::domain::random;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;

/// How many digits a code has.
pub const DIGITS: u8 = 6;
/// How many seconds one step takes.
const STEP: u64 = 30;
/// How many steps a clock may be ahead or behind, RFC 6238 §5.2.
const SKEW: u16 = 1;

/// A new secret: 160 bits, RFC 4226 §4.
#[must_use]
pub fn new_secret() -> Secret<Vec<u8>> {
    Secret::new(random::bytes::<20>().to_vec())
}

/// The step whose code was typed, if it is one that counts at this instant. Whether it was used
/// before is not known here.
pub fn step_of(
    secret: &Secret<Vec<u8>>,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<Option<u64>, Fault> {
    let digits: String = typed.chars().filter(|sign| !is_between(*sign)).take(16).collect();
    let Ok(seconds) = u64::try_from(now.timestamp()) else { return Ok(None) };
    Ok(totp(secret, "", "")?.check(&digits, seconds))
}

/// Whether people type this sign between digits.
fn is_between(sign: char) -> bool {
    sign.is_whitespace() || sign == '-'
}

/// What an authenticator app needs.
#[derive(Clone, Debug)]
pub struct AuthenticatorKey {
    /// The URI that a QR code contains.
    pub uri: Secret<String>,
    /// The secret in base32, for people who type it.
    pub text: Secret<String>,
}

/// What an authenticator app of this account at this service needs.
pub fn authenticator_key(
    secret: &Secret<Vec<u8>>,
    service: &str,
    account: &str,
) -> Result<AuthenticatorKey, Fault> {
    let totp = totp(secret, service, account)?;
    let uri = totp.to_url().map_err(|error| Fault::internal(MAKING, error.to_string()))?;
    let text = totp.secret().to_base32();
    Ok(AuthenticatorKey { uri: Secret::new(uri), text: Secret::new(text) })
}

const MAKING: &str = "making a one-time code";

fn totp(secret: &Secret<Vec<u8>>, service: &str, account: &str) -> Result<Totp, Fault> {
    // A colon separates service and account.
    let named = |name: &str| name.replace(':', " ");
    let bytes = secret.expose().clone().into_boxed_slice();
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(STEP)
        .with_skew(SKEW)
        .with_secret(totp_rs::Secret::new(bytes))
        .with_account_name(named(account))
        .with_issuer(Some(named(service)).filter(|name| !name.is_empty()))
        .build();
    totp.map_err(|error| Fault::internal(MAKING, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238 Appendix B.
    fn rfc() -> Secret<Vec<u8>> {
        Secret::new(b"12345678901234567890".to_vec())
    }

    fn t(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn rfc6238_appendix_b_the_last_six_digits() {
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            let step = u64::try_from(at / 30).unwrap();
            assert_eq!(step_of(&rfc(), code, t(at)).unwrap(), Some(step), "{at}");
        }
    }

    #[test]
    fn rfc6238_5_2_a_code_counts_one_step_before_and_behind() {
        let step = |at| step_of(&rfc(), "287 082", t(at)).unwrap();
        assert_eq!([step(0), step(29)], [Some(1), Some(1)]);
        assert_eq!([step(30), step(59), step(60), step(89)], [Some(1); 4]);
        assert_eq!(step(90), None);
        for wrong in ["", "28708", "2870822", "abcdef", "+28708", "28708\u{0662}"] {
            assert_eq!(step_of(&rfc(), wrong, t(59)).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_reads_service_account_and_key() {
        let key = authenticator_key(&rfc(), "달빛: Books", "hana:x@example.com").unwrap();
        assert_eq!(key.text.expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = url::Url::parse(key.uri.expose()).unwrap();
        assert_eq!((uri.scheme(), uri.host_str()), ("otpauth", Some("totp")));
        let pairs: std::collections::BTreeMap<_, _> = uri.query_pairs().collect();
        assert_eq!(pairs["secret"], key.text.expose().as_str());
        assert_eq!(pairs["issuer"], "달빛  Books");
        assert_ne!(new_secret(), new_secret());
    }
}
