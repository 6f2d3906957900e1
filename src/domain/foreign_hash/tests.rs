use super::*;

const BCRYPT: &str = "8jEa/X6XVcaDAWck23Ykv.6a5d5BU0IsWquajl.j5Sy.s8xJI50Gm";

#[test]
fn what_is_too_costly_or_damaged_or_unknown_is_not_taken() {
    use HashRefused::{Damaged, TooCostly, Unknown};
    let salt = "c2FsdHNhbHRzYWx0c2FsdA";
    let output = "pmzDP8k/XdmB31IJUtLaI6b2SOhnqfOuT0ht2kJGshg";
    for (text, refused) in [
        (format!("$2b$14${BCRYPT}"), None),
        (format!("$2b$15${BCRYPT}"), Some(TooCostly)),
        (format!("$2b$03${BCRYPT}"), Some(Damaged)),
        (format!("$2x$10${BCRYPT}"), Some(Unknown)),
        (format!("$2b$10${}", &BCRYPT[1..]), Some(Damaged)),
        (format!("bcrypt_sha256$$2b$12${BCRYPT}"), None),
        (format!("pbkdf2_sha256$2000000$salt${output}="), None),
        (format!("pbkdf2_sha256$2000001$salt${output}="), Some(TooCostly)),
        (format!("pbkdf2_sha256$0$salt${output}="), Some(Damaged)),
        (format!("pbkdf2_sha256$-1$salt${output}="), Some(Damaged)),
        (format!("$argon2id$v=19$m=131072,t=3,p=4${salt}${output}"), None),
        (format!("$argon2id$v=19$m=131073,t=3,p=4${salt}${output}"), Some(TooCostly)),
        (format!("$argon2id$v=19$m=131072,t=300,p=4${salt}${output}"), Some(TooCostly)),
        (format!("$argon2id$v=18$m=65536,t=3,p=4${salt}${output}"), Some(Damaged)),
        (format!("$argon2i$m=65536,t=3,p=4${salt}${output}"), None),
        (format!("$argon2id$v=19$m=8,t=3,p=4${salt}${output}"), Some(Damaged)),
        (format!("$argon2id$v=19$m=65536,t=3,p=4,data=AAAA${salt}${output}"), Some(Unknown)),
        (format!("$scrypt$ln=17,r=8,p=1${salt}${output}"), None),
        (format!("$scrypt$ln=18,r=8,p=1${salt}${output}"), Some(TooCostly)),
        (format!("$scrypt$ln=200,r=8,p=1${salt}${output}"), Some(TooCostly)),
        (format!("$scrypt$ln=14,r=8,p=65${salt}${output}"), Some(TooCostly)),
        (format!("scrypt$16385$salt$8$5${output}="), Some(Damaged)),
        ("$P$Apdo".to_owned(), Some(Damaged)),
        ("$P$z12345678012345678901234567890.".to_owned(), Some(TooCostly)),
        ("{SSHA}c2hvcnQ=".to_owned(), Some(Damaged)),
        ("{noop}password".to_owned(), Some(Unknown)),
        ("{SSHA".to_owned(), Some(Damaged)),
        ("{sha256}00".to_owned(), Some(Damaged)),
        ("md5$salt$00".to_owned(), Some(Damaged)),
        ("unsalted_sha1$$00".to_owned(), Some(Unknown)),
        ("5f4dcc3b5aa765d61d8327deb882cf99".to_owned(), Some(Unknown)),
        ("$1$salt$abcdefgh".to_owned(), Some(Unknown)),
        (String::new(), Some(Unknown)),
        ("password".to_owned(), Some(Unknown)),
    ] {
        assert_eq!(read(&text).err(), refused, "{text}");
    }
}

#[test]
fn only_what_is_marked_is_a_foreign_hash() {
    let ReadHash::Strong(hash) = read(&format!("$2b$12${BCRYPT}")).unwrap() else { panic!() };
    let stored = hash.stored();
    assert_eq!(ForeignHash::of_stored(&stored), Some(Ok(hash.clone())));
    assert_eq!(ForeignHash::work_of_stored(&stored), Some(hash.work()));
    let own = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA";
    assert_eq!(ForeignHash::of_stored(own), None);
    assert_eq!(ForeignHash::work_of_stored(own), None);
    assert_eq!(ForeignHash::of_stored("foreign {}"), Some(Err(HashRefused::Damaged)));
}

#[test]
fn a_dearer_hash_is_more_work() {
    let work = |text: &str| match read(text).unwrap() {
        ReadHash::Strong(hash) => hash.work(),
        ReadHash::Weak(weak) => panic!("{weak:?}"),
    };
    let bcrypt = |cost: u32| work(&format!("$2b${cost:02}${BCRYPT}"));
    assert_eq!(bcrypt(13), 2 * bcrypt(12));
    let rounds = |rounds: u32| {
        work(&format!("$pbkdf2-sha256${rounds}$c2FsdA$pmzDP8k/XdmB31IJUtLaI6b2SOhnqfOuT0ht2kJGshg"))
    };
    assert!(rounds(600_000) > rounds(260_000));
    assert!(bcrypt(12) > rounds(260_000));
}

#[test]
fn firebase_says_its_parameters_as_text_or_as_json() {
    let json = r#"{"algorithm":"SCRYPT","base64_signer_key":"AQID","base64_salt_separator":"Bw==","rounds":8,"mem_cost":14}"#;
    let text = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: AQID,\n  \
                base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n";
    let config = FirebaseConfig::read(json).unwrap();
    assert_eq!(FirebaseConfig::read(text), Ok(config.clone()));
    assert_eq!(config.signer_key, [1, 2, 3]);
    assert_eq!((config.separator, config.rounds, config.mem_cost), (vec![7], 8, 14));
    for (bad, word) in [
        ("", "base64_signer_key"),
        ("hash_config { algorithm: HMAC_SHA256,\n}", "base64_signer_key"),
        (r#"{"algorithm":"BCRYPT"}"#, "SCRYPT"),
        (&json.replace("14", "1400"), "base64_signer_key"),
        (&text.replace("rounds: 8", "rounds: eight"), "rounds"),
    ] {
        let error = FirebaseConfig::read(bad).unwrap_err();
        assert!(error.contains(word), "{bad}: {error}");
    }
}
