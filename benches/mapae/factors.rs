//! What a one-time code costs beside the password: sign-ins at the challenge endpoint, of people who
//! have one-time codes and of people who have none.

use std::fmt::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mapae::domain::clock::Clock;
use mapae::domain::secret::Secret;
use mapae::domain::user::{User, UserId};
use mapae::keys::factor_key::FactorKey;
use mapae::keys::seal::{MasterKey, MasterKeySource, Sealer};
use mapae::store::{Options, Store, one_time_codes, users};
use sea_orm::{ConnectionTrait, Database};
use totp_rs::{Algorithm, Builder, Totp};

use crate::load::{Connection, Measured, Window};
use crate::operations::{Bench, TRIALS};
use crate::report::{Comparison, Row, Target, median};
use crate::server::{Home, post_head};
use crate::site::{NATIVE, PASSWORD, Site};

/// The most time that a code may add to a sign-in, in ms.
const MOST: f64 = 1.0;
/// How many people of each kind there are: one step of a code counts once.
const PEOPLE: usize = 2000;
/// How many of them are written in one transaction.
const SOME: usize = 100;
/// The secret that all authenticator apps share.
const SECRET: [u8; 20] = [7; 20];

impl Bench {
    /// A sign-in with password and one-time code, beside one with the password alone.
    pub(crate) async fn one_time_codes(&mut self, site: &Site) {
        const NAME: &str = "password and one-time code: time beside the password";
        if !self.wants(NAME) {
            return;
        }
        write_people(&site.home).await;
        let outcome = self.beside_password(site).await;
        self.report.add(Row {
            operation: NAME.to_owned(),
            connections: Some(1),
            outcome,
            by_disk: None,
            target: Some(Target::AtMost(1.0)),
        });
    }

    async fn beside_password(&mut self, site: &Site) -> Result<(Measured, Comparison), String> {
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            forget_used_codes(&site.home).await;
            let (password, both) = in_turn(site, self.window).await?;
            self.report.limit("ms of a password at the challenge endpoint", password);
            let ratio = (both - password) / MOST;
            let measured = Measured { p50: both, ..Measured::NOTHING };
            trials.push((measured, password, ratio));
        }
        trials.sort_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
        let (measured, value, ratio) = median(&trials);
        let limit = format!("{MOST} ms more than the password alone, which takes");
        Ok((measured, Comparison { limit, value, unit: " ms", ratio }))
    }
}

/// The median time of a sign-in with the password alone, and of one with a code as well, in ms. They
/// take turns: the time of a password hash differs by more than a code costs, from one second to the
/// next.
async fn in_turn(site: &Site, window: Window) -> Result<(f64, f64), String> {
    let target = site.server.target;
    let head = post_head(target.address, "/authorize-challenge", site.authorization(NATIVE));
    let totp = totp();
    let mut connection =
        Connection::open(target.address).await.map_err(|error| error.to_string())?;
    let mut times = [Vec::new(), Vec::new()];
    let started = Instant::now();
    // Each person once: the limits of attempts and codes are not what is measured.
    for number in 0..PEOPLE {
        for (kind, times) in [Kind::Password, Kind::PasswordAndCode].into_iter().zip(&mut times) {
            let request = kind.sign_in(&head, &totp, number);
            let sent = Instant::now();
            let answer = connection.send(&request).await.map_err(|error| error.to_string())?;
            let time = sent.elapsed().as_secs_f64() * 1000.0;
            if answer.status != 200 {
                let text = String::from_utf8_lossy(answer.body);
                return Err(format!("status {}: {text}", answer.status));
            }
            if started.elapsed() > window.warmup {
                times.push(time);
            }
        }
        if started.elapsed() > window.warmup + window.length * 4 {
            break;
        }
    }
    let [password, both] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        median(&times)
    });
    Ok((password, both))
}

/// What people prove.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Password,
    PasswordAndCode,
}

impl Kind {
    /// The user name of one of these people.
    fn name(self, number: usize) -> String {
        match self {
            Self::Password => format!("plain{number}"),
            Self::PasswordAndCode => format!("factor{number}"),
        }
    }

    /// The sign-in of one of these people.
    fn sign_in(self, head: &str, totp: &Totp, number: usize) -> Vec<u8> {
        let (name, password) = (self.name(number), PASSWORD.replace(' ', "+"));
        let mut form = format!("username={name}&password={password}&scope=openid");
        if self == Self::PasswordAndCode {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            write!(form, "&otp={}", totp.generate(now)).unwrap();
        }
        format!("{head}content-length: {}\r\n\r\n{form}", form.len()).into_bytes()
    }
}

fn totp() -> Totp {
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6);
    let builder = builder.with_step_duration(30).with_account_name("somebody");
    builder.with_secret(totp_rs::Secret::new(Box::new(SECRET))).build().unwrap()
}

/// Writes people with the password of the first person of the site; half of them have one-time codes.
async fn write_people(home: &Home) {
    let clock = Clock::system();
    let master = MasterKey::load(&MasterKeySource::Folder(home.keys())).unwrap();
    let store = Store::open(&home.database_url(), &Options::default()).await.unwrap();
    let key = FactorKey::open(&store, &clock, &Sealer::new(&master).unwrap()).await.unwrap();
    let somebody = users::find_by_name(&store, "person0", None).await.unwrap().unwrap();
    let secret = Secret::new(SECRET.to_vec());
    for kind in [Kind::Password, Kind::PasswordAndCode] {
        for first in (0..PEOPLE).step_by(SOME) {
            let tx = store.begin(clock.now()).await.unwrap();
            for number in first..first + SOME {
                let id = UserId::generate();
                let user = User { id, username: kind.name(number), ..somebody.clone() };
                assert!(users::insert(&tx, &user).await.unwrap());
                if kind == Kind::PasswordAndCode {
                    let sealed = key.seal(&user.id, &secret).unwrap();
                    one_time_codes::put(&tx, &user.id, sealed, 0).await.unwrap();
                    users::set_totp_since(&tx, &user.id, Some(tx.now())).await.unwrap();
                }
            }
            tx.commit().await.unwrap();
        }
    }
    store.close().await;
}

/// Lets every code count again.
async fn forget_used_codes(home: &Home) {
    let database = Database::connect(home.database_url()).await.unwrap();
    database.execute_unprepared("UPDATE totp SET last_step = 0").await.unwrap();
    database.close().await.unwrap();
}
