//! The feed of revocations: what was revoked since the last look.

use std::collections::HashMap;

use serde::Deserialize;

use crate::claims::Claims;

/// An answer of `GET {issuer}/revocations`.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) events: Vec<Event>,
    pub(crate) next: String,
}

/// Something that was revoked.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    kind: String,
    value: String,
    /// Only what was issued before this time is revoked.
    before: Option<i64>,
    /// When the last token that this is about has expired.
    exp: i64,
}

/// Everything that was revoked and has not expired yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revoked {
    sid: Values,
    jti: Values,
    sub: Values,
    client_id: Values,
    kid: Values,
}

type Values = HashMap<String, (Option<i64>, i64)>;

impl Revoked {
    /// With these events, and without those that nothing can be about any more. A kind that is not
    /// known here is left to the status lists.
    pub(crate) fn with(&self, events: Vec<Event>, now: i64) -> Self {
        let mut all = self.clone();
        for event in events {
            let values = match event.kind.as_str() {
                "sid" => &mut all.sid,
                "jti" => &mut all.jti,
                "sub" => &mut all.sub,
                "client_id" => &mut all.client_id,
                "kid" => &mut all.kid,
                _ => continue,
            };
            let (before, exp) = values.entry(event.value).or_insert((event.before, event.exp));
            // An event without a time is about every token.
            *before = before.zip(event.before).map(|(a, b)| a.max(b));
            *exp = event.exp.max(*exp);
        }
        let kinds = [&mut all.sid, &mut all.jti, &mut all.sub, &mut all.client_id, &mut all.kid];
        for values in kinds {
            values.retain(|_, (_, exp)| *exp >= now);
        }
        all
    }

    /// Whether this token, signed by this key, is among them.
    pub(crate) fn contains(&self, claims: &Claims, kid: &str) -> bool {
        let is_in = |values: &Values, value: Option<&str>| {
            let found = value.filter(|_| !values.is_empty()).and_then(|value| values.get(value));
            found.is_some_and(|(before, _)| match (before, claims.iat) {
                (Some(before), Some(iat)) => iat < *before,
                _ => true,
            })
        };
        is_in(&self.sid, claims.sid.as_deref())
            || is_in(&self.jti, claims.jti.as_deref())
            || is_in(&self.sub, Some(&claims.sub))
            || is_in(&self.client_id, claims.client_id.as_deref())
            || is_in(&self.kid, Some(kid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(json: &str) -> Vec<Event> {
        serde_json::from_str(json).unwrap()
    }

    fn claims(json: &str) -> Claims {
        let all = format!(r#"{{"iss":"i","aud":"a","exp":200,"iat":100,{json}}}"#);
        Claims::parse(all.into_bytes()).ok().unwrap()
    }

    #[test]
    fn what_the_feed_names_is_revoked_and_nothing_else() {
        let told = events(
            r#"[{"kind":"sid","value":"s","exp":200},{"kind":"jti","value":"j","exp":200},
                {"kind":"sub","value":"p","before":101,"exp":200},
                {"kind":"client_id","value":"c","before":100,"exp":200},
                {"kind":"kid","value":"k","before":150,"exp":200},
                {"kind":"provider","value":"google","exp":200}]"#,
        );
        let revoked = Revoked::default().with(told, 100);
        for (token, kid, is_revoked) in [
            (r#""sub":"a","sid":"s""#, "x", true),
            (r#""sub":"a","jti":"j""#, "x", true),
            (r#""sub":"p""#, "x", true),
            (r#""sub":"a""#, "k", true),
            // It was issued at that second, and not before.
            (r#""sub":"a","client_id":"c""#, "x", false),
            (r#""sub":"s","sid":"p","jti":"s""#, "x", false),
            (r#""sub":"a""#, "x", false),
        ] {
            assert_eq!(revoked.contains(&claims(token), kid), is_revoked, "{token}");
        }
    }

    #[test]
    fn the_latest_time_counts_and_what_is_over_is_forgotten() {
        let first = r#"[{"kind":"sub","value":"p","before":90,"exp":110},{"kind":"jti","value":"j","exp":105}]"#;
        let revoked = Revoked::default().with(events(first), 100);
        let token = claims(r#""sub":"p""#);
        assert!(!revoked.contains(&token, "k"));
        let next = r#"[{"kind":"sub","value":"p","before":101,"exp":120}]"#;
        let revoked = revoked.with(events(next), 106);
        assert!(revoked.contains(&token, "k"));
        assert!(revoked.jti.is_empty());
        // An older time takes nothing back.
        let revoked = revoked.with(events(first), 106);
        assert!(revoked.contains(&token, "k"));
        let revoked = revoked.with(Vec::new(), 121);
        assert!(revoked.sub.is_empty());
    }
}
