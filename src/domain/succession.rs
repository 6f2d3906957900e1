//! How the refresh tokens of a family replace one another, RFC 9700 §4.14.2. The whole rule is
//! [`Succession::judge`]: a pure function of the family's row, the presented token and the instant.
//!
//! There is always exactly one leaf: the only token that can be spent. An answer that got lost, two
//! tabs, a crash or a phone that was suspended for a night never end a family. A token that was
//! replaced, or spent before the parent of the leaf, ends it, because then two parties hold a token
//! that was given to one.

use chrono::{DateTime, Duration, Utc};

use super::random;

/// The position of a refresh token in its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenPosition {
    /// How many tokens were spent before it, from 0.
    pub generation: u32,
    /// How often a successor of the same parent was replaced before it, from 0.
    pub attempt: u32,
}

/// Random bytes of one family. Its tokens cannot be made without them and the rotation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// A new random salt.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }
}

/// The state of a succession, as it is stored in the family's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The salt from which the tags of its tokens are made.
    pub salt: Salt,
    /// The one token that can be spent.
    pub leaf: TokenPosition,
    /// The attempt that was spent to reach the generation of the leaf. Without it, a token that was
    /// replaced could not be told from the parent of the leaf.
    pub spent_attempt: u32,
    /// When the leaf was last handed out.
    pub handed_out_at: DateTime<Utc>,
    /// The client address to which it was handed out.
    pub handed_out_to: Option<String>,
    /// When the leaf expires, unless it is used before.
    pub idle_ends_at: DateTime<Utc>,
    /// The last token that was handed out before the family was bound to a key or a certificate:
    /// whoever has got a token up to this one has proved neither. `None` if the family is bound from
    /// its first token, or not at all.
    pub bound_after: Option<TokenPosition>,
}

/// What a presented token is in relation to the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The leaf.
    Leaf,
    /// The parent of the leaf, presented within the grace, when the answer with the leaf may still
    /// be on its way. The leaf is handed out again.
    Again,
    /// The parent of the leaf, presented after the grace: a new leaf replaces the one that was
    /// never used.
    Replace,
    /// The grandparent of the leaf, presented within the grace: a late request, which is refused
    /// but does not end the family.
    Straggler,
    /// A token that was spent earlier, or replaced: two parties hold a token that was given to one.
    Reuse,
}

impl Succession {
    /// The state with the first token of a family.
    #[must_use]
    pub fn begin(now: DateTime<Utc>, to: Option<String>, idle_ends_at: DateTime<Utc>) -> Self {
        Self {
            salt: Salt::generate(),
            leaf: TokenPosition::default(),
            spent_attempt: 0,
            handed_out_at: now,
            handed_out_to: to,
            idle_ends_at,
            bound_after: None,
        }
    }

    /// Records that the family is bound from the next token on.
    pub fn bind(&mut self) {
        self.bound_after = Some(self.leaf);
    }

    /// Whether this token was handed out to whoever asked, before the family was bound.
    #[must_use]
    pub fn is_from_before_binding(&self, token: TokenPosition) -> bool {
        self.bound_after.is_some_and(|last| token <= last)
    }

    /// Judges a presented token at this instant. Without a grace, no token but the leaf is
    /// accepted.
    #[must_use]
    pub fn judge(
        &self,
        token: TokenPosition,
        now: DateTime<Utc>,
        grace: Option<Duration>,
    ) -> Judgement {
        if token == self.leaf {
            return Judgement::Leaf;
        }
        let Some(grace) = grace else { return Judgement::Reuse };
        let soon = now - self.handed_out_at <= grace && grace > Duration::zero();
        let behind = self.leaf.generation.checked_sub(token.generation);
        match (behind, soon) {
            (Some(1), true) if token.attempt == self.spent_attempt => Judgement::Again,
            (Some(1), false) if token.attempt == self.spent_attempt => Judgement::Replace,
            (Some(2), true) => Judgement::Straggler,
            _ => Judgement::Reuse,
        }
    }

    /// Spends the leaf: its successor becomes the leaf.
    pub fn spend(&mut self) {
        self.spent_attempt = self.leaf.attempt;
        let generation = self.leaf.generation.saturating_add(1);
        self.leaf = TokenPosition { generation, attempt: 0 };
    }

    /// Replaces a leaf that was never used by another one.
    pub fn replace(&mut self) {
        self.leaf.attempt = self.leaf.attempt.saturating_add(1);
    }

    /// Records that the leaf was handed out.
    pub fn hand_out(&mut self, now: DateTime<Utc>, to: Option<&str>) {
        self.handed_out_at = now;
        self.handed_out_to = to.map(str::to_owned);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::clock::from_millis;

    const GRACE: Duration = Duration::seconds(30);

    fn t(seconds: i64) -> DateTime<Utc> {
        from_millis(seconds * 1000)
    }

    fn place(generation: u32, attempt: u32) -> TokenPosition {
        TokenPosition { generation, attempt }
    }

    /// Generation 5; attempts 0 and 1 of generation 4 were handed out, and 1 was spent.
    fn succession() -> Succession {
        Succession {
            leaf: place(5, 2),
            spent_attempt: 1,
            handed_out_at: t(100),
            ..Succession::begin(t(0), None, t(1000))
        }
    }

    #[test]
    fn rfc9700_4_14_2_what_a_token_is() {
        use Judgement::{Again, Leaf, Replace, Reuse, Straggler};
        for (token, now, judgement) in [
            (place(5, 2), 100, Leaf),
            (place(5, 2), 900, Leaf),
            // The parent of the leaf: the attempt that was spent.
            (place(4, 1), 100, Again),
            (place(4, 1), 130, Again),
            (place(4, 1), 131, Replace),
            (place(4, 1), 900, Replace),
            // A token that was replaced by the parent before the parent was spent.
            (place(4, 0), 101, Reuse),
            (place(4, 0), 900, Reuse),
            (place(4, 2), 101, Reuse),
            // Replaced leaves.
            (place(5, 0), 101, Reuse),
            (place(5, 1), 900, Reuse),
            // The grandparent of the leaf, and older ones.
            (place(3, 0), 130, Straggler),
            (place(3, 0), 131, Reuse),
            (place(2, 0), 101, Reuse),
            (place(0, 0), 900, Reuse),
            // Tokens that this row does not know yet: it was restored from an older copy.
            (place(5, 3), 101, Reuse),
            (place(6, 0), 101, Reuse),
            (place(u32::MAX, u32::MAX), 101, Reuse),
        ] {
            assert_eq!(
                succession().judge(token, t(now), Some(GRACE)),
                judgement,
                "{token:?} {now}"
            );
        }
    }

    #[test]
    fn without_a_grace_only_the_leaf_is_good() {
        for (token, judgement) in [
            (place(5, 2), Judgement::Leaf),
            (place(4, 1), Judgement::Reuse),
            (place(3, 0), Judgement::Reuse),
        ] {
            assert_eq!(succession().judge(token, t(100), None), judgement, "{token:?}");
        }
    }

    #[test]
    fn a_grace_of_nothing_hands_out_nothing_twice() {
        for (token, judgement) in [
            (place(5, 2), Judgement::Leaf),
            (place(4, 1), Judgement::Replace),
            (place(3, 0), Judgement::Reuse),
        ] {
            let grace = Some(Duration::zero());
            assert_eq!(succession().judge(token, t(100), grace), judgement, "{token:?}");
        }
    }

    #[test]
    fn spending_remembers_the_attempt_that_was_spent() {
        let mut succession = succession();
        succession.spend();
        assert_eq!((succession.leaf, succession.spent_attempt), (place(6, 0), 2));
        succession.replace();
        assert_eq!((succession.leaf, succession.spent_attempt), (place(6, 1), 2));
    }

    /// A server with one family, and every token that it ever handed out.
    struct World {
        now: DateTime<Utc>,
        row: Succession,
        issued: BTreeSet<TokenPosition>,
        over: bool,
    }

    impl World {
        fn new() -> Self {
            let row = Succession::begin(t(0), None, t(1_000_000_000));
            Self { now: t(0), issued: BTreeSet::from([row.leaf]), row, over: false }
        }

        /// The token in the response; `None` for a refusal.
        fn refresh(&mut self, token: TokenPosition) -> Option<TokenPosition> {
            if self.over {
                return None;
            }
            match self.row.judge(token, self.now, Some(GRACE)) {
                Judgement::Leaf => self.row.spend(),
                Judgement::Again => {}
                Judgement::Replace => self.row.replace(),
                Judgement::Straggler => return None,
                Judgement::Reuse => {
                    self.over = true;
                    return None;
                }
            }
            self.row.hand_out(self.now, None);
            self.issued.insert(self.row.leaf);
            Some(self.row.leaf)
        }

        fn leaves(&self) -> usize {
            let is_leaf = |token: &&TokenPosition| {
                self.row.judge(**token, self.now, Some(GRACE)) == Judgement::Leaf
            };
            self.issued.iter().filter(is_leaf).count()
        }
    }

    /// What an honest client, which stores one token, may do.
    #[derive(Clone, Debug)]
    enum Honest {
        /// Refreshes and keeps the answer.
        Refresh,
        /// Refreshes; the response gets lost.
        Lost,
        /// Refreshes twice with the same token within the grace (two tabs, or a retry): the
        /// responses arrive in either order.
        Twice { apart: i64, second_first: bool },
        /// Two tabs with the same token: while one response is on its way, the other tab refreshes
        /// again.
        Ahead,
        /// Is away for this many seconds: in a lift, or for a night.
        Away(i64),
    }

    fn honest() -> impl Strategy<Value = Honest> {
        prop_oneof![
            3 => Just(Honest::Refresh),
            2 => Just(Honest::Lost),
            2 => (0..30_i64, any::<bool>())
                .prop_map(|(apart, second_first)| Honest::Twice { apart, second_first }),
            1 => Just(Honest::Ahead),
            3 => prop_oneof![0..40_i64, Just(60_000)].prop_map(Honest::Away),
        ]
    }

    fn act(world: &mut World, store: &mut TokenPosition, what: &Honest) {
        match *what {
            Honest::Refresh => {
                if let Some(next) = world.refresh(*store) {
                    *store = next;
                }
            }
            Honest::Lost => drop(world.refresh(*store)),
            Honest::Twice { apart, second_first } => {
                let first = world.refresh(*store);
                world.now += Duration::seconds(apart);
                let second = world.refresh(*store);
                let last = if second_first { first.or(second) } else { second.or(first) };
                *store = last.unwrap_or(*store);
            }
            Honest::Ahead => {
                let old = *store;
                for _ in 0..2 {
                    if let Some(next) = world.refresh(*store) {
                        *store = next;
                    }
                }
                // The other tab presents late the token that it had read.
                let _ = world.refresh(old);
            }
            Honest::Away(seconds) => world.now += Duration::seconds(seconds),
        }
    }

    proptest! {
        #[test]
        fn an_honest_client_alone_is_never_logged_out_and_has_one_leaf(
            acts in proptest::collection::vec(honest(), 1..60),
        ) {
            let (mut world, mut store) = (World::new(), place(0, 0));
            for what in &acts {
                act(&mut world, &mut store, what);
                prop_assert!(!world.over, "{what:?}");
                prop_assert_eq!(world.leaves(), 1);
            }
            // Whatever happened before, the token in the store still works.
            world.now += Duration::seconds(31);
            prop_assert!(world.refresh(store).is_some());
        }

        #[test]
        fn a_theft_ends_in_the_alarm_at_the_second_partys_next_use(
            before in proptest::collection::vec(honest(), 0..20),
            thief_first in any::<bool>(),
            uses in 1..5_usize,
            lost in proptest::collection::vec(any::<bool>(), 5),
        ) {
            let (mut world, mut store) = (World::new(), place(0, 0));
            for what in &before {
                act(&mut world, &mut store, what);
            }
            let mut stolen = store;
            let (one, other) =
                if thief_first { (&mut stolen, &mut store) } else { (&mut store, &mut stolen) };
            // One party refreshes for a while, always after the grace; some responses get lost.
            for lost in lost.iter().take(uses) {
                world.now += Duration::seconds(60);
                match world.refresh(*one) {
                    Some(next) if !lost => *one = next,
                    _ => {}
                }
                prop_assert_eq!(world.leaves(), 1);
            }
            world.now += Duration::seconds(60);
            if let Some(next) = world.refresh(*other) {
                *other = next;
                world.now += Duration::seconds(60);
                prop_assert_eq!(world.leaves(), 1);
                // Now the first party holds a token that was replaced or spent, unless it kept no
                // response.
                if *one != *other {
                    let kept_nothing = world.row.judge(*one, world.now, Some(GRACE));
                    let again = world.refresh(*one);
                    if kept_nothing == Judgement::Replace {
                        // Both still hold the parent: the party whose leaf was replaced is now
                        // refused.
                        prop_assert!(again.is_some());
                        world.now += Duration::seconds(60);
                        prop_assert!(world.refresh(*other).is_none());
                    } else {
                        prop_assert!(again.is_none());
                    }
                }
            }
            prop_assert!(world.over);
        }
    }
}
