//! Which resources a client gets tokens for when it redeems or refreshes what a person granted, RFC
//! 8707.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::client::Client;
use crate::domain::reason::Reason;
use crate::domain::resource::{ResourceMetadata, default_audience, spelling};
use crate::oauth::error::{Refusal, Result};

/// What is registered of a client and of all resources. It is read before a transaction begins.
#[derive(Clone, Debug)]
pub struct ClientResources {
    audiences: Vec<String>,
    is_first_party: bool,
    registered: Arc<HashMap<String, ResourceMetadata>>,
}

impl ClientResources {
    /// Those of this client. `registered` is what is registered of each resource.
    #[must_use]
    pub fn new(client: &Client, registered: Arc<HashMap<String, ResourceMetadata>>) -> Self {
        let audiences = client.metadata.audiences.clone();
        Self { audiences, is_first_party: client.metadata.first_party, registered }
    }

    /// RFC 8707 §2.2: the resources that are asked for must be among those that were granted. Where none
    /// is asked for, all of them for which the client is still registered. What is asked for was found
    /// to be registered for it.
    pub fn among(&self, granted: &[String], asked: &[String]) -> Result<Vec<String>, Refusal> {
        if asked.is_empty() {
            return self.left_of(granted);
        }
        let may_have = |one: &String| match granted {
            [] => self.needs_no_grant(one),
            granted => granted.contains(one),
        };
        match asked.iter().find(|one| !may_have(one)) {
            None => Ok(asked.to_vec()),
            Some(culprit) => Err(Refusal::new(Reason::ResourceNotGranted).naming(culprit)),
        }
    }

    /// What is left of granted resources: one that was taken from the client since is not granted again.
    /// Where none is left, the client does not get its default audience, which nobody granted.
    fn left_of(&self, granted: &[String]) -> Result<Vec<String>, Refusal> {
        let left: Vec<String> =
            granted.iter().filter(|one| self.is_registered(one)).cloned().collect();
        match granted.first().filter(|_| left.is_empty()) {
            None => Ok(left),
            Some(gone) => Err(Refusal::new(Reason::ResourceUnregistered).naming(gone)),
        }
    }

    /// Whether the client is registered for a resource that was granted, whatever the spelling.
    fn is_registered(&self, granted: &str) -> bool {
        self.audiences.iter().any(|own| own == granted)
            || self.audiences.iter().any(|own| self.spelled(own) == self.spelled(granted))
    }

    fn spelled<'a>(&'a self, resource: &'a str) -> &'a str {
        spelling(&self.registered, &self.audiences, resource)
    }

    /// Whether a client to which no resource was granted may name this one. What nobody named at the
    /// authorization endpoint, no person was shown; so another's app gets what it would get without
    /// naming it, and nothing else. An earlier consent is no reason either: whether it counts is
    /// decided there (RFC 8252 §8.6).
    fn needs_no_grant(&self, resource: &str) -> bool {
        let default = default_audience(&self.registered, &self.audiences);
        self.is_first_party || default.is_some_and(|one| self.spelled(one) == resource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{ClientId, ClientKind};
    use crate::domain::clock::from_millis;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    /// A client of these audiences, where `https://mcp` is an MCP server.
    fn client(audiences: &[&str], first_party: bool) -> ClientResources {
        let id = ClientId::parse("a").unwrap();
        let mut client = Client::new(id, ClientKind::Public, from_millis(0));
        client.metadata.audiences = texts(audiences);
        client.metadata.first_party = first_party;
        let mcp = ResourceMetadata { mcp: true, ..ResourceMetadata::default() };
        ClientResources::new(&client, Arc::new(HashMap::from([("https://mcp".to_owned(), mcp)])))
    }

    #[test]
    fn rfc8707_2_2_who_was_granted_no_resource_names_none_but_the_default_one() {
        let own = client(&["https://a", "https://b"], true);
        let other = client(&["https://a", "https://b"], false);
        let mcp = client(&["https://mcp", "https://a"], false);
        let mcp_alone = client(&["https://mcp"], false);
        let given = |of: &ClientResources, granted: &[&str], asked: &[&str]| {
            of.among(&texts(granted), &texts(asked)).ok()
        };
        let gets = |of: &ClientResources, granted: &[&str], asked: &[&str], resources: &[&str]| {
            assert_eq!(given(of, granted, asked), Some(texts(resources)), "{granted:?} {asked:?}");
        };
        gets(&other, &[], &[], &[]);
        gets(&other, &[], &["https://a"], &["https://a"]);
        gets(&other, &["https://b"], &[], &["https://b"]);
        gets(&other, &["https://b"], &["https://b"], &["https://b"]);
        gets(&own, &[], &[], &[]);
        gets(&own, &[], &["https://b", "https://a"], &["https://b", "https://a"]);
        gets(&mcp, &[], &["https://a"], &["https://a"]);
        gets(&mcp_alone, &["https://mcp"], &["https://mcp"], &["https://mcp"]);
        assert_eq!(given(&other, &[], &["https://b"]), None);
        assert_eq!(given(&other, &[], &["https://a", "https://b"]), None);
        assert_eq!(given(&other, &["https://b"], &["https://a"]), None);
        assert_eq!(given(&own, &["https://b"], &["https://a"]), None);
        assert_eq!(given(&mcp, &[], &["https://mcp"]), None);
        assert_eq!(given(&mcp_alone, &[], &["https://mcp"]), None);
    }

    #[test]
    fn what_was_granted_is_cut_to_what_the_client_is_registered_for_now() {
        let left = |audiences: &[&str], granted: &[&str]| {
            client(audiences, true).among(&texts(granted), &[]).map_err(|refusal| refusal.reason)
        };
        let gone = Err(Reason::ResourceUnregistered);
        assert_eq!(left(&["https://b", "https://a"], &["https://a"]), Ok(texts(&["https://a"])));
        assert_eq!(left(&["https://b"], &["https://a", "https://b"]), Ok(texts(&["https://b"])));
        assert_eq!(left(&["https://b"], &["https://a"]), gone);
        assert_eq!(left(&[], &["https://a", "https://b"]), gone);
        assert_eq!(left(&[], &[]), Ok(texts(&[])));
        // Another spelling is no other resource, and what is registered by itself no other spelling.
        assert_eq!(left(&["https://a/"], &["https://a"]), Ok(texts(&["https://a"])));
        assert_eq!(left(&["https://mcp/"], &["https://mcp"]), Ok(texts(&["https://mcp"])));
        assert_eq!(left(&["https://a//"], &["https://a"]), gone);
    }
}
