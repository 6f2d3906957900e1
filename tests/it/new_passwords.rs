//! New passwords: which ones are refused, and the lists of breached passwords. Security case S081.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::my_account::{first_party, send, signed_in};
use crate::support::{Browser, Database, PASSWORD, Page, Server, both};

/// A password whose SHA-1 is written in the test below.
const LISTED: &str = "seven green kettles 41";
const UNLISTED: &str = "nine purple lanterns 73";

/// How the list answers.
#[derive(Clone, Debug)]
enum Answer {
    /// With this status and body.
    Http(u16, String),
    /// With something that is not HTTP.
    Noise,
    /// Not at all: the connection stays open.
    Silence,
}

/// A list of breached passwords on this machine, and the paths that it was asked for.
struct RangeList {
    url: String,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl RangeList {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/range/", listener.local_addr().expect("an address"));
        let answer = Arc::new(Mutex::new(Answer::Http(200, String::new())));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (says, hears) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let head = head_of(&mut stream).await;
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                hears.lock().expect("unharmed").push(path);
                let answer = says.lock().expect("unharmed").clone();
                let text = match answer {
                    Answer::Http(status, body) => {
                        format!(
                            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        )
                    }
                    Answer::Noise => "hello\r\n\r\n".to_owned(),
                    Answer::Silence => {
                        open.push(stream);
                        continue;
                    }
                };
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        Self { url, answer, asked }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().expect("unharmed") = answer;
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("unharmed"))
    }

    async fn server(&self, database: &Database) -> Server {
        let settings =
            [("passwords.range_url", self.url.as_str()), ("outbound.allow_private", "true")];
        Server::start_with(database, &settings).await
    }
}

async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn change(browser: &mut Browser, account: &Page, (current, new): (&str, &str)) -> Page {
    let fields = [("current-password", current), ("new-password", new)];
    send(browser, account, "/account/password", &fields).await
}

both! {
    async fn s081_a_password_of_the_bundled_list_is_refused(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let account = browser.open("/account").await;
        for new in ["dkssudgktpdy1!", "QWERASDFZXCV1234", "1qaz!QAZ2wsx@WSX", "correcthorsebatterystaple"] {
            let page = change(&mut browser, &account, (PASSWORD, new)).await;
            assert_eq!(page.reply.status, 400, "{new}");
            assert!(page.has("new-password-problem"), "{new}: {}", page.reply.text);
        }
        assert_eq!(change(&mut browser, &account, (PASSWORD, LISTED)).await.reply.status, 303);
    }

    async fn s081_a_list_gets_five_digits_of_the_hash_and_a_listed_password_is_refused(database) {
        let list = RangeList::start().await;
        let server = list.server(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let account = browser.open("/account").await;
        // Who has not proven who they are asks nobody.
        assert!(change(&mut browser, &account, ("wrong", LISTED)).await.has("current-password-problem"));
        assert_eq!(list.asked(), [""; 0]);
        let digest = "1B0B7799B919C98440B3FECB134A2FE2ED1AA617";
        let (prefix, rest) = digest.split_at(5);
        let others = "00000000000000000000000000000000000:2\r\n";
        list.answers(Answer::Http(200, format!("{others}{rest}:17\r\n")));
        let page = change(&mut browser, &account, (PASSWORD, LISTED)).await;
        assert!(page.reply.status == 400 && page.has("new-password-problem"), "{}", page.reply.text);
        assert!(page.reply.text.contains("data breach"), "{}", page.reply.text);
        assert_eq!(list.asked(), [format!("/range/{prefix}")]);
        // A count of 0 is padding.
        list.answers(Answer::Http(200, format!("{others}{rest}:0\r\n")));
        assert_eq!(change(&mut browser, &account, (PASSWORD, LISTED)).await.reply.status, 303);
    }

    async fn a_list_that_cannot_be_asked_blocks_nobody(database) {
        let list = RangeList::start().await;
        let server = list.server(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let mut current = PASSWORD.to_owned();
        for (number, answer) in [
            Answer::Http(500, String::new()),
            Answer::Http(302, String::new()),
            Answer::Http(200, "x".repeat(2 * 1024 * 1024)),
            Answer::Noise,
            Answer::Silence,
        ]
        .into_iter()
        .enumerate()
        {
            list.answers(answer.clone());
            let account = browser.open("/account").await;
            let new = format!("{UNLISTED} {number}");
            let page = change(&mut browser, &account, (&current, &new)).await;
            assert_eq!(page.reply.status, 303, "{answer:?}: {}", page.reply.text);
            assert_eq!(list.asked().len(), 1, "{answer:?}");
            current = new;
        }
    }
}
