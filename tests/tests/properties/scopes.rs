//! Scopes (RFC 6749 §3.3) against a list without repeats.

use oauth_core::Scopes;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::config;

/// What is a scope token, in the words of the RFC's grammar.
fn is_token(text: &str) -> bool {
    let is_nqchar =
        |byte| byte == 0x21 || (0x23..=0x5B).contains(&byte) || (0x5D..=0x7E).contains(&byte);
    !text.is_empty() && text.bytes().all(is_nqchar)
}

/// The tokens in the order in which they come first.
fn model<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut set = Vec::new();
    for token in tokens {
        if is_token(token) && !set.contains(&token) {
            set.push(token);
        }
    }
    set
}

fn tokens(scopes: &Scopes) -> Vec<&str> {
    scopes.iter().collect()
}

fn some_tokens() -> impl Strategy<Value = Vec<String>> {
    vec(prop_oneof!["[a-c]{1,2}", "[!-~]{0,5}", "[a \"\\\\é\t]{0,3}"], 0..8)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_text_is_read_as_a_set_in_order(text in "[a-c \"\\\\!é\t]{0,24}") {
        let expected = model(text.split(' '));
        let scopes = Scopes::parse(&text);
        prop_assert_eq!(scopes.is_none(), expected.is_empty());
        let scopes = scopes.unwrap_or_default();
        prop_assert_eq!(tokens(&scopes), &*expected);
        prop_assert_eq!(scopes.as_str(), expected.join(" "));
        prop_assert_eq!(scopes.to_string(), scopes.as_str());
    }

    #[test]
    fn a_union_keeps_the_order_of_both(left in some_tokens(), right in some_tokens()) {
        let read = |tokens: &[String]| Scopes::parse(&tokens.join(" ")).unwrap_or_default();
        let (have, more) = (read(&left), read(&right));
        let mut both = have.clone();
        prop_assert_eq!(both.extend(&more), Ok(()));
        prop_assert_eq!(tokens(&both), model(have.iter().chain(more.iter())));
        prop_assert!(both.includes(&have) && both.includes(&more));
        prop_assert_eq!(have.includes(&more), more.iter().all(|it| tokens(&have).contains(&it)));
        prop_assert_eq!(have.includes(&more) && more.includes(&have), {
            let [mut left, mut right] = [tokens(&have), tokens(&more)];
            left.sort_unstable();
            right.sort_unstable();
            left == right
        });
        for token in left.iter().chain(&right) {
            prop_assert_eq!(have.contains(token), tokens(&have).contains(&&**token));
        }
    }

    #[test]
    fn a_list_is_read_as_its_tokens_and_a_text_as_its_words(list in some_tokens()) {
        let json = serde_json::to_string(&list).unwrap();
        let from_list: Scopes = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(tokens(&from_list), model(list.iter().map(String::as_str)));
        let text = serde_json::to_string(&from_list).unwrap();
        prop_assert_eq!(serde_json::from_str::<Scopes>(&text).unwrap(), from_list);
    }
}
