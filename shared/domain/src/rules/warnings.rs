//! Warnings about a purchase or an activity that is accepted but probably contains a mistake.
//!
//! There are few warnings on purpose: each is about something that no rule can read, or about a misspelt name. A
//! channel, a store, an article or a category that no rule names is normal and gets no warning.

use std::{cell::RefCell, collections::BTreeSet};

use crate::{
    rules::{
        expression::fact::Fact,
        node::Finding,
        program::{EarningRule, Program},
        trigger::Trigger,
    },
    values::{
        likeness,
        occasion::{Activity, Occasion},
        pointer,
        purchase::Purchase,
    },
};

impl Program {
    /// Returns the warnings about `occasion`, each with a JSON pointer into the body of the request. They depend on the
    /// rules and the occasion only, so a repeat of the request has the same warnings.
    #[must_use]
    pub fn warnings(&self, occasion: &Occasion) -> Vec<Finding> {
        match occasion {
            Occasion::Purchase(purchase) => self.warnings_of_purchase(purchase),
            Occasion::Activity(activity) => self.warnings_of_activity(activity),
            Occasion::Enrollment(_) | Occasion::Birthday(_) | Occasion::Referral(_) => Vec::new(),
        }
    }

    fn warnings_of_purchase(&self, purchase: &Purchase) -> Vec<Finding> {
        let rules = || self.earning_rules.iter().filter(|rule| rule.on == Trigger::Purchase);
        let mut giving = rules().filter(|rule| !rule.strategy.multiplies()).peekable();
        let mut warnings = Vec::new();
        let has_no_lines = purchase.lines.is_empty() && purchase.total.amount.get() > 0;
        if has_no_lines && giving.peek().is_some() && giving.all(EarningRule::needs_lines) {
            warnings.push(Finding {
                at: "/purchase/lines".to_owned(),
                code: "lines_missing",
                message: "All rules for purchases count lines, and this purchase has none, so it earns no points."
                    .to_owned(),
            });
        }
        warnings.extend(misspelt("/purchase/attributes", purchase.attributes.keys(), &read_by(rules())));
        warnings
    }

    fn warnings_of_activity(&self, activity: &Activity) -> Vec<Finding> {
        let on = Trigger::Activity(activity.kind.clone());
        let rules = || self.earning_rules.iter().filter(|rule| rule.on == on);
        if rules().next().is_some() {
            return misspelt("/activity/attributes", activity.attributes.keys(), &read_by(rules())).collect();
        }
        let known = self.earning_rules.iter().filter_map(|rule| match &rule.on {
            Trigger::Activity(kind) => Some(kind.as_str()),
            Trigger::Purchase | Trigger::Enrollment | Trigger::Referral | Trigger::Birthday => None,
        });
        let known: Vec<&str> = known.collect::<BTreeSet<_>>().into_iter().collect();
        let advice = match likeness::nearest(activity.kind.as_str(), &known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None if known.is_empty() => "the program has no rules for activities.".to_owned(),
            None => format!("there are rules for {}.", likeness::listed(activity.kind.as_str(), &known)),
        };
        vec![Finding {
            at: "/activity/type".to_owned(),
            code: "activity_unknown",
            message: format!("No rule gives points for an activity of this type; {advice}"),
        }]
    }
}

/// Returns the names of the attributes of the occasion that the conditions of `rules` read.
fn read_by<'r>(rules: impl Iterator<Item = &'r EarningRule>) -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    for when in rules.filter_map(|rule| rule.when.as_ref()) {
        when.reads(&|fact| {
            if let Fact::PurchaseAttribute(name) | Fact::ActivityAttribute(name) = fact {
                names.borrow_mut().insert(name.clone());
            }
            // False, to continue with the other facts.
            false
        });
    }
    names.into_inner()
}

/// Returns a warning for each name in `given` that no rule reads, if it is close to a name that a rule reads and
/// `given` lacks.
fn misspelt<'a>(
    at: &'static str,
    given: impl Iterator<Item = &'a String> + Clone,
    read: &BTreeSet<String>,
) -> impl Iterator<Item = Finding> {
    let absent = read.iter().filter(|name| !given.clone().any(|given| given == *name));
    let absent: Vec<&str> = absent.map(String::as_str).collect();
    let unread = given.filter(|name| !read.contains(*name));
    let found: Vec<Finding> = unread
        .filter_map(|name| {
            let nearest = likeness::nearest(name, &absent)?;
            Some(Finding {
                at: format!("{at}/{}", pointer::step(name)),
                code: "attribute_unknown",
                message: format!("No rule reads this attribute; did you mean `{nearest}`?"),
            })
        })
        .collect();
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn warned(rules: &Value, occasion: &Value) -> Vec<(String, &'static str, String)> {
        let document =
            json!({ "name": "Shop", "time_zone": "UTC", "currency": "EUR", "points": {}, "earning_rules": rules });
        let program = Program::read(&document, 1).unwrap();
        let fields = json!({ "occurred_at": "2026-11-21T10:00:00Z" });
        let occasion = occasion.as_object().unwrap().iter().next().map(|(kind, given)| {
            let mut given = given.clone();
            given.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            match kind.as_str() {
                "purchase" => {
                    given["total"] = json!({ "amount": 1_000, "currency": "EUR" });
                    Occasion::Purchase(serde_json::from_value(given).unwrap())
                }
                _ => Occasion::Activity(serde_json::from_value(given).unwrap()),
            }
        });
        let warnings = program.warnings(&occasion.unwrap());
        warnings.into_iter().map(|Finding { at, code, message }| (at, code, message)).collect()
    }

    fn rule(id: &str, on: &Value, give: &Value, when: Option<&str>) -> Value {
        let mut rule = json!({ "id": id, "on": on, "give": give, "stacking": "base" });
        if let Some(when) = when {
            rule["when"] = when.into();
        }
        rule
    }

    #[test]
    fn an_activity_that_no_rule_knows_is_warned_of_with_those_that_rules_know() {
        let fixed = json!({ "fixed": { "points": 5 } });
        let rules = |types: &[&str]| -> Value {
            types.iter().map(|kind| rule(kind, &json!({ "activity": kind }), &fixed, None)).collect()
        };
        let none = "No rule gives points for an activity of this type;";
        for (types, kind, expected) in [
            (&["review", "photo"][..], "review", None),
            (&["review", "photo"], "reviw", Some("did you mean `review`?")),
            (&["review", "photo"], "Review", Some("did you mean `review`?")),
            (&["review", "photo"], "survey", Some("there are rules for `photo`, `review`.")),
            (&[], "review", Some("the program has no rules for activities.")),
        ] {
            let warnings = warned(&rules(types), &json!({ "activity": { "type": kind } }));
            let expected =
                expected.map(|advice| ("/activity/type".to_owned(), "activity_unknown", format!("{none} {advice}")));
            assert_eq!(warnings, expected.into_iter().collect::<Vec<_>>(), "{types:?} {kind}");
        }
    }

    #[test]
    fn a_purchase_without_lines_is_warned_of_only_if_every_rule_counts_lines() {
        let purchase = json!("purchase");
        let rate = json!({ "rate": { "points": 1, "per": 100 } });
        let per_item = json!({ "per_item": { "points": 5 } });
        let pieces = json!({ "punch_card": { "every": 5, "points": 5, "counts": "pieces" } });
        let visits = json!({ "punch_card": { "every": 5, "points": 5 } });
        let of_line = Some("line.category == 'tea'");
        let line = json!([{ "quantity": 1, "amount": 1 }]);
        for (rules, lines, is_warned) in [
            (json!([rule("a", &purchase, &per_item, None), rule("b", &purchase, &pieces, None)]), json!([]), true),
            (json!([rule("a", &purchase, &rate, of_line)]), json!([]), true),
            (json!([rule("a", &purchase, &rate, of_line)]), line.clone(), false),
            (json!([rule("a", &purchase, &per_item, None), rule("b", &purchase, &rate, None)]), json!([]), false),
            (json!([rule("a", &purchase, &per_item, None), rule("b", &purchase, &visits, None)]), json!([]), false),
            (json!([rule("a", &json!("enrollment"), &json!({ "fixed": { "points": 5 } }), None)]), json!([]), false),
            (json!([]), json!([]), false),
        ] {
            let warnings = warned(&rules, &json!({ "purchase": { "lines": lines } }));
            let codes: Vec<_> = warnings.iter().map(|(at, code, _)| (at.as_str(), *code)).collect();
            let expected = is_warned.then_some(("/purchase/lines", "lines_missing"));
            assert_eq!(codes, expected.into_iter().collect::<Vec<_>>(), "{rules}");
        }
    }

    #[test]
    fn an_attribute_is_warned_of_only_if_it_is_a_misspelling_of_one_that_is_read_and_not_given() {
        let rate = json!({ "rate": { "points": 1, "per": 100 } });
        let rules = json!([
            rule(
                "a",
                &json!("purchase"),
                &rate,
                Some("purchase.attributes.payment == 'card' || purchase.attributes.gift")
            ),
            rule(
                "b",
                &json!({ "activity": "review" }),
                &json!({ "fixed": { "points": 5 } }),
                Some("activity.attributes.score > 3")
            ),
        ]);
        for (occasion, expected) in [
            (json!({ "purchase": { "attributes": { "payment": "card" } } }), None),
            (
                json!({ "purchase": { "attributes": { "payement": "card" } } }),
                Some(("/purchase/attributes/payement", "payment")),
            ),
            (json!({ "purchase": { "attributes": { "payement": "x", "payment": "card" } } }), None),
            (json!({ "purchase": { "attributes": { "score": 5, "till": "3" } } }), None),
            (
                json!({ "activity": { "type": "review", "attributes": { "Score": 5 } } }),
                Some(("/activity/attributes/Score", "score")),
            ),
            (json!({ "activity": { "type": "review", "attributes": { "payement": 5 } } }), None),
        ] {
            let expected = expected.map(|(at, nearest)| {
                let message = format!("No rule reads this attribute; did you mean `{nearest}`?");
                (at.to_owned(), "attribute_unknown", message)
            });
            assert_eq!(warned(&rules, &occasion), expected.into_iter().collect::<Vec<_>>(), "{occasion}");
        }
    }
}
