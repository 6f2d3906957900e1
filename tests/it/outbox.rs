//! The queue of what is sent to others: any kind of message can use it, and no receiver and no
//! message keeps back another one.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use mapae::domain::audit::{Event, EventKind};
use mapae::domain::clock::Clock;
use mapae::domain::message::{Message, Queued};
use mapae::domain::verdict::Fault;
use mapae::outbox::{Attempt, Delivery, Outbox, Wake, deliver, enqueue};
use mapae::store::outbox;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::support::{Database, Evidence, Server, both, eventually};

/// A kind that the server itself does not know.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Letter {
    to: String,
    text: String,
    worth_until: Option<DateTime<Utc>>,
}

impl Message for Letter {
    const KIND: &'static str = "letter";

    fn target(&self) -> &str {
        &self.to
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.worth_until
    }
}

fn letter(to: &str, text: &str) -> Letter {
    Letter { to: to.to_owned(), text: text.to_owned(), worth_until: None }
}

/// Notes every attempt. Its receivers take everything but what they are told to refuse.
#[derive(Clone)]
struct Post {
    tried: Arc<Mutex<Vec<(String, String)>>>,
    /// Letters to `slow` wait until this is open.
    is_open: watch::Receiver<bool>,
}

impl Delivery for Post {
    type Message = Letter;
    type Answer = Attempt;

    const PAUSES: &'static [i64] = &[10, 20];

    const GIVEN_UP: EventKind = EventKind::LogoutNoticeGivenUp;

    async fn send(&self, queued: &Queued<Letter>) -> Result<Attempt, Fault> {
        let Letter { to, text, .. } = &queued.message;
        self.tried.lock().unwrap().push((queued.id.clone(), text.clone()));
        if to == "slow" && !text.starts_with("quick") {
            self.is_open.clone().wait_for(|open| *open).await.expect("the gate is there");
        }
        assert!(text != "a fault");
        Ok(match text.as_str() {
            "refused" => Attempt::Postponed,
            "never" => Attempt::Refused("moved away".to_owned()),
            _ => Attempt::Accepted,
        })
    }

    fn about(&self, event: Event, letter: &Letter) -> Event {
        event.detail(format!("a letter to {}", letter.to))
    }
}

struct Running {
    server: Server,
    evidence: Evidence,
    outbox: Outbox,
    post: Post,
    gate: watch::Sender<bool>,
    work: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(database: &Database) -> Self {
        let server = Server::start(database).await;
        let evidence = server.evidence().await;
        Self::start_on(server, evidence)
    }

    fn start_on(server: Server, evidence: Evidence) -> Self {
        let store = Arc::clone(&server.inner.services().store);
        let clock: Clock = server.now().clone();
        let outbox = Outbox { clock, store, wake: Arc::new(Wake::default()) };
        let (gate, is_open) = watch::channel(false);
        let post = Post { tried: Arc::default(), is_open };
        let (of_work, by) = (outbox.clone(), post.clone());
        let work = tokio::spawn(async move { deliver(&of_work, &by).await });
        Self { server, evidence, outbox, post, gate, work }
    }

    async fn send(&self, letters: &[Letter]) {
        let tx = self.outbox.store.begin(self.outbox.clock.now()).await.unwrap();
        enqueue(&tx, letters.to_vec()).await.unwrap();
        tx.commit().await.unwrap();
        self.outbox.wake.nudge();
    }

    /// How often this was tried.
    fn tried(&self, text: &str) -> usize {
        self.post.tried.lock().unwrap().iter().filter(|(_, tried)| tried == text).count()
    }

    async fn waiting(&self, which: &str) -> i64 {
        let of = "SELECT count(*) AS n FROM outbox WHERE kind = 'letter' AND ";
        self.evidence.count(&format!("{of}{which}")).await
    }

    async fn given_up(&self) -> Vec<Option<String>> {
        let events = self.evidence.events_of("logout_notice.given_up").await;
        events.into_iter().map(|event| event.detail).collect()
    }

    async fn end(self) {
        self.work.abort();
        assert!(self.work.await.unwrap_err().is_cancelled());
    }
}

both! {
    async fn a_receiver_that_is_slow_delays_its_own_messages_alone(database) {
        let running = Running::start(&database).await;
        running.send(&[letter("slow", "waits"), letter("quick", "one"), letter("quick", "two")]).await;
        eventually("the other receiver has both", async || running.waiting("target = 'quick'").await == 0).await;
        eventually("the slow one has begun", async || running.tried("waits") == 1).await;
        // It is not taken a second time while somebody has it.
        assert_eq!(running.waiting("target = 'slow' AND attempts = 1").await, 1);
        // Another server takes it when the lease has ended, and not before.
        let (store, now) = (&running.outbox.store, running.outbox.clock.now());
        for (seconds, free) in [(0, 0), (29, 0), (30, 1)] {
            let tx = store.begin(now + chrono::Duration::seconds(seconds)).await.unwrap();
            let lease = chrono::Duration::seconds(30);
            let taken = outbox::take_due::<Letter>(&tx, "slow", lease, 9).await.unwrap();
            tx.abandon().await;
            assert_eq!(taken.len(), free, "after {seconds} seconds");
        }
        running.gate.send_replace(true);
        eventually("the slow one has it", async || running.waiting("target = 'slow'").await == 0).await;
        assert_eq!(running.tried("waits"), 1);
        running.end().await;
    }

    async fn what_is_not_taken_is_tried_again_by_the_pauses_of_its_kind_and_given_up(database) {
        let running = Running::start(&database).await;
        running.send(&[letter("app", "refused")]).await;
        for (made, pause) in [(1, 10), (2, 20)] {
            let put_off = format!("attempts = {made} AND due_at = {}", running.server.now().now().timestamp_millis() + pause * 1000);
            eventually("it is put off", async || running.waiting(&put_off).await == 1).await;
            running.server.advance(pause);
        }
        eventually("it is given up", async || running.given_up().await == [Some("a letter to app".to_owned())]).await;
        assert_eq!(running.waiting("1 = 1").await, 0);
        let tried = running.post.tried.lock().unwrap().clone();
        assert_eq!(tried.len(), 3);
        assert!(tried.iter().all(|(id, _)| *id == tried[0].0), "one name: {tried:?}");
        running.end().await;
    }

    async fn a_message_that_makes_its_delivery_panic_keeps_back_no_other(database) {
        let running = Running::start(&database).await;
        running.send(&[letter("app", "a fault"), letter("app", "after it"), letter("else", "beside")]).await;
        let put_off = running.server.now().now().timestamp_millis() + 10_000;
        let left = format!("attempts = 1 AND due_at = {put_off}");
        eventually("the others arrive, and it is put off", async || {
            running.waiting("1 = 1").await == 1 && running.waiting(&left).await == 1
        })
        .await;
        assert_eq!((running.tried("after it"), running.tried("beside")), (1, 1));
        running.server.advance(10);
        eventually("it is put off again", async || {
            let put_off = running.server.now().now().timestamp_millis() + 20_000;
            running.waiting(&format!("attempts = 2 AND due_at = {put_off}")).await == 1
        })
        .await;
        running.server.advance(20);
        eventually("it is given up", async || running.waiting("1 = 1").await == 0).await;
        assert_eq!(running.given_up().await, [Some("a letter to app".to_owned())]);
        running.end().await;
    }

    async fn what_is_of_no_use_any_more_is_not_sent(database) {
        let running = Running::start(&database).await;
        let now = running.server.now().now();
        let late = Letter { worth_until: Some(now), ..letter("app", "late") };
        let good = Letter { worth_until: Some(now + chrono::Duration::seconds(1)), ..letter("app", "in time") };
        running.send(&[late, good]).await;
        eventually("both are gone", async || running.waiting("1 = 1").await == 0).await;
        assert_eq!((running.tried("late"), running.tried("in time")), (0, 1));
        assert_eq!(running.given_up().await, [Some("a letter to app: too late".to_owned())]);
        running.end().await;
    }

    async fn what_a_receiver_refuses_for_good_is_given_up_at_once(database) {
        let running = Running::start(&database).await;
        running.send(&[letter("app", "never"), letter("app", "taken")]).await;
        eventually("both are gone", async || running.waiting("1 = 1").await == 0).await;
        assert_eq!((running.tried("never"), running.tried("taken")), (1, 1));
        assert_eq!(running.given_up().await, [Some("a letter to app: moved away".to_owned())]);
        running.end().await;
    }

    async fn a_message_that_takes_long_keeps_back_no_other_to_the_same_receiver(database) {
        let running = Running::start(&database).await;
        running.send(&[letter("slow", "waits")]).await;
        eventually("it has begun", async || running.tried("waits") == 1).await;
        let later: Vec<_> = (0..20).map(|number| letter("slow", &format!("quick {number}"))).collect();
        running.send(&later).await;
        eventually("the others arrive", async || running.waiting("1 = 1").await == 1).await;
        running.gate.send_replace(true);
        eventually("all have arrived", async || running.waiting("1 = 1").await == 0).await;
        assert_eq!(running.tried("waits"), 1);
        running.end().await;
    }

    /// A server of an older version does not know every kind that is there.
    async fn a_kind_that_a_server_does_not_know_waits_for_one_that_does(database) {
        let server = Server::start(&database).await;
        let evidence = server.evidence().await;
        let row = "('one', 'carrier pigeon', 'app', '{}', 0, 0, 0)";
        let columns = "(id, kind, target, payload, attempts, created_at, due_at)";
        evidence.run(&format!("INSERT INTO outbox {columns} VALUES {row}")).await;
        let running = Running::start_on(server, evidence);
        running.send(&[letter("app", "known")]).await;
        eventually("the other kind arrives", async || running.waiting("1 = 1").await == 0).await;
        let untouched = "SELECT count(*) AS n FROM outbox WHERE attempts = 0 AND due_at = 0";
        assert_eq!(running.evidence.count(untouched).await, 1);
        running.end().await;
    }

    async fn what_is_undone_is_not_sent(database) {
        let running = Running::start(&database).await;
        let tx = running.outbox.store.begin(running.outbox.clock.now()).await.unwrap();
        enqueue(&tx, [letter("app", "undone")]).await.unwrap();
        tx.abandon().await;
        running.send(&[letter("app", "done")]).await;
        eventually("the other one arrives", async || running.tried("done") == 1).await;
        assert_eq!(running.tried("undone"), 0);
        running.end().await;
    }
}
