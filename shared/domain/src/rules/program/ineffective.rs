//! Warnings about a document that is accepted, and in which a rule, a reward or a condition can never work.
//!
//! Each names something that is certain from the document and from the instant of its publication. What might be meant is no reason for a
//! warning.

use jiff::Timestamp;

use crate::{
    rules::{
        cap::{Cap, Unit},
        expression::fact::Fact,
        node::Finding,
        program::{Cost, EarningRule, Program, active::WEEKDAYS, condition::Condition},
        trigger::{Stacking, Trigger},
    },
    values::{calendar, likeness},
};

impl Program {
    /// Returns what can never work in this version, which comes into force at `begins` after the version `before`, if there is one. Each
    /// has a JSON pointer into the document.
    #[must_use]
    pub fn ineffective(&self, before: Option<&Self>, begins: Timestamp) -> Vec<Finding> {
        let earliest = if before.is_some() {
            begins
        } else {
            // The first version also decides purchases that are posted late. One day more is for time zones.
            let days = self.points.backdating_days_max.saturating_add(1).saturating_neg();
            calendar::start_of(&self.zone, calendar::days_after(self.date(begins), days))
        };
        let mut warnings = Vec::new();
        for (place, rule) in self.earning_rules.iter().enumerate() {
            let at = format!("/earning_rules/{place}");
            // What the version before has too is over by now, which is ordinary.
            let kept = before.and_then(|before| before.rule(&rule.id));
            if rule.active.has_ended(earliest) && kept.is_none_or(|kept| kept.active != rule.active) {
                warnings.push(never_active(&at, "rule", "gives no points"));
            }
            if self.has_nothing_to_multiply(rule) {
                warnings.push(nothing_to_multiply(&at, rule));
            }
            warnings.extend(self.of_condition(&at, rule.when.as_ref(), Some(&rule.on), before));
        }
        for (place, reward) in self.rewards.iter().enumerate() {
            let at = format!("/rewards/{place}");
            let kept = before.and_then(|before| before.reward(&reward.id));
            if reward.active.has_ended(begins) && kept.is_none_or(|kept| kept.active != reward.active) {
                warnings.push(never_active(&at, "reward", "cannot be redeemed"));
            }
            warnings.extend(reward.limit.and_then(|limit| limit_below_cost(&at, reward.cost, limit)));
            warnings.extend(self.of_condition(&at, reward.when.as_ref(), None, before));
        }
        warnings
    }

    /// Returns whether `rule` multiplies, and no base rule gives it anything: what other rules add is not multiplied.
    fn has_nothing_to_multiply(&self, rule: &EarningRule) -> bool {
        let of_lines = rule.when.as_ref().is_some_and(Condition::is_of_line);
        let mut bases = self.earning_rules.iter().filter(|base| base.stacking == Stacking::Base && base.on == rule.on);
        rule.strategy.multiplies() && !bases.any(|base| !of_lines || base.strategy.is_by_line())
    }

    /// Returns the warnings about the condition `when` of the rule or the reward at `at`.
    fn of_condition(
        &self,
        at: &str,
        when: Option<&Condition>,
        on: Option<&Trigger>,
        before: Option<&Self>,
    ) -> Vec<Finding> {
        let Some(expression) = when.and_then(Condition::expression) else { return Vec::new() };
        let finding = |code, message| Finding { at: format!("{at}/when"), code, message };
        let comparisons = expression.comparisons().into_iter();
        let unknown = comparisons.filter_map(|(fact, text)| self.unknown_value(fact, text, on, before));
        let unknown = unknown.map(|message| finding("unknown_value", message));
        let mistakes = expression.mistakes().into_iter().map(|mistake| finding(mistake.code, mistake.message));
        let mut warnings = Vec::new();
        for warning in unknown.chain(mistakes) {
            // A condition may repeat itself.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }

    /// Returns why `fact` never is `text`, if that is certain.
    fn unknown_value(&self, fact: &Fact, text: &str, on: Option<&Trigger>, before: Option<&Self>) -> Option<String> {
        let message = match fact {
            Fact::Tier => {
                let levels = self.tiers.iter().flat_map(|tiers| &tiers.levels);
                let levels: Vec<&str> = levels.map(|level| level.id.as_str()).collect();
                unknown("`member.tier`", text, &levels, "the program has no tiers.")?
            }
            Fact::Plan => {
                let plans =
                    |program: &'_ Self| program.plans.iter().map(|plan| plan.id.to_string()).collect::<Vec<_>>();
                // Members keep the plan that they bought under an earlier version.
                if before.is_some_and(|before| plans(before).iter().any(|plan| plan == text)) {
                    return None;
                }
                let plans = plans(self);
                let plans: Vec<&str> = plans.iter().map(String::as_str).collect();
                unknown("`member.plan`", text, &plans, "the program has no plans.")?
            }
            Fact::Currency => {
                let currency = self.currency.to_string();
                (currency != text).then(|| {
                    format!("`purchase.currency` is never `{text}`: all purchases are in {currency}, the currency of the program.")
                })?
            }
            Fact::ActivityType => match on? {
                Trigger::Activity(kind) => (kind.as_str() != text).then(|| {
                    format!("`activity.type` is never `{text}`: the rule is for activities of the type `{kind}`.")
                })?,
                Trigger::Purchase | Trigger::Enrollment | Trigger::Referral | Trigger::Birthday => return None,
            },
            Fact::Weekday => {
                let days = WEEKDAYS.map(|(day, _)| day);
                // `Mon` and `Monday` are not close enough to be told by their letters.
                let lower = text.to_lowercase();
                match days.iter().find(|day| lower.starts_with(**day)) {
                    Some(day) if *day == text => return None,
                    Some(day) => format!("`occurred_at.weekday` is never `{text}`; did you mean `{day}`?"),
                    None => unknown("`occurred_at.weekday`", text, &days, "")?,
                }
            }
            Fact::Total
            | Fact::Channel
            | Fact::Store
            | Fact::Items
            | Fact::Eligible
            | Fact::Tax
            | Fact::Shipping
            | Fact::Discount
            | Fact::Receipt
            | Fact::PurchaseAttribute(_)
            | Fact::Sku
            | Fact::Category
            | Fact::Quantity
            | Fact::Amount
            | Fact::ActivityAttribute(_)
            | Fact::EnrolledOn
            | Fact::Purchases
            | Fact::Spend
            | Fact::FirstPurchaseOn
            | Fact::LastPurchaseOn
            | Fact::DaysSinceLastPurchase
            | Fact::PeriodPoints
            | Fact::PeriodSpend
            | Fact::PeriodVisits
            | Fact::BirthdayMonth
            | Fact::MemberAttribute(..)
            | Fact::Date
            | Fact::Time
            | Fact::Year
            | Fact::Month
            | Fact::Day
            | Fact::Hour
            | Fact::Minute => return None,
        };
        Some(message)
    }
}

/// Returns why `fact`, which is one of `known`, never is `text`; `None` if it can be.
fn unknown(fact: &str, text: &str, known: &[&str], without: &str) -> Option<String> {
    if known.contains(&text) {
        return None;
    }
    Some(match likeness::nearest(text, known) {
        Some(nearest) => format!("{fact} is never `{text}`; did you mean `{nearest}`?"),
        None if known.is_empty() => format!("{fact} is never `{text}`: {without}"),
        None => format!("{fact} is never `{text}`; it can be {}.", likeness::listed(text, known)),
    })
}

fn never_active(at: &str, what: &str, effect: &str) -> Finding {
    Finding {
        at: format!("{at}/active/to"),
        code: "never_active",
        message: format!("The {what} ends before this version can use it, so it {effect}."),
    }
}

fn nothing_to_multiply(at: &str, rule: &EarningRule) -> Finding {
    let of_lines = rule.when.as_ref().is_some_and(Condition::is_of_line);
    let by_line = if of_lines { " with `rate` or `per_item`, which count by line" } else { "" };
    Finding {
        at: format!("{at}/give/multiplier"),
        code: "nothing_to_multiply",
        message: format!(
            "A multiplier multiplies the points of base rules for the same occasion, and there is no such rule{by_line}."
        ),
    }
}

fn limit_below_cost(at: &str, cost: Cost, limit: Cap) -> Option<Finding> {
    let (Cost::Fixed(cost), Unit::Points) = (cost, limit.unit) else { return None };
    (cost.get() > limit.most).then(|| Finding {
        at: format!("{at}/limit/points"),
        code: "limit_below_cost",
        message: format!(
            "The reward costs {cost} points, and at most {} can be spent on it, so it cannot be redeemed.",
            limit.most
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-27T12:00:00Z";

    fn program(parts: &Value) -> Program {
        let mut document = json!({
            "name": "Shop", "time_zone": "UTC", "currency": "EUR",
            "points": { "backdating_days_max": 30 },
            "tiers": {
                "basis": "spend", "period": "calendar_year", "downgrade": "one_level",
                "levels": [{ "id": "silver", "threshold": 1 }, { "id": "gold", "threshold": 2 }]
            },
            "attributes": [{ "id": "city", "type": "string" }, { "id": "newsletter", "type": "boolean" }],
            "plans": [{ "id": "plus", "name": "Plus", "price": 500, "interval": "month" }],
        });
        document.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        Program::read(&document, 1).unwrap()
    }

    fn rule(on: &Value, when: &str) -> Value {
        json!({ "id": "r", "on": on, "give": { "fixed": { "points": 5 } }, "when": when })
    }

    fn found(program: &Program, before: Option<&Program>) -> Vec<(String, &'static str)> {
        let warnings = program.ineffective(before, NOW.parse().unwrap());
        warnings.into_iter().map(|warning| (warning.at, warning.code)).collect()
    }

    fn of_condition(on: &Value, when: &str) -> Vec<(&'static str, String)> {
        let program = program(&json!({ "earning_rules": [rule(on, when)] }));
        let warnings = program.ineffective(None, NOW.parse().unwrap());
        assert!(warnings.iter().all(|warning| warning.at == "/earning_rules/0/when"), "{warnings:?}");
        warnings.into_iter().map(|warning| (warning.code, warning.message)).collect()
    }

    #[test]
    fn a_value_that_a_fact_never_has_is_unknown() {
        let purchase = json!("purchase");
        let review = json!({ "activity": "review" });
        for (on, when, expected) in [
            (
                &purchase,
                "member.tier == 'gold' || 'silver' == member.tier || member.tier in ['gold', 'silver']",
                vec![],
            ),
            (&purchase, "member.tier == 'goldd'", vec!["`member.tier` is never `goldd`; did you mean `gold`?"]),
            (&purchase, "'Gold' != member.tier", vec!["`member.tier` is never `Gold`; did you mean `gold`?"]),
            (
                &purchase,
                "member.tier in ['gold', 'bronze', member.attributes.city]",
                vec!["`member.tier` is never `bronze`; it can be `silver`, `gold`."],
            ),
            (&purchase, "member.tier == null || member.tier != null", vec![]),
            (&purchase, "member.tier.startsWith('go') || member.tier > 'a'", vec![]),
            (&purchase, "member.plan == 'plus'", vec![]),
            (&purchase, "!(member.plan in ['plu'])", vec!["`member.plan` is never `plu`; did you mean `plus`?"]),
            (&purchase, "purchase.currency == 'EUR'", vec![]),
            (
                &purchase,
                "purchase.currency == 'USD'",
                vec!["`purchase.currency` is never `USD`: all purchases are in EUR, the currency of the program."],
            ),
            (&purchase, "occurred_at.weekday in ['mon', 'sun']", vec![]),
            (
                &purchase,
                "occurred_at.weekday in ['Mon', 'tuesday', 'mon'] || occurred_at.weekday == 'Mon'",
                vec![
                    "`occurred_at.weekday` is never `Mon`; did you mean `mon`?",
                    "`occurred_at.weekday` is never `tuesday`; did you mean `tue`?",
                ],
            ),
            (
                &purchase,
                "occurred_at.weekday == 'lundi'",
                vec![
                    "`occurred_at.weekday` is never `lundi`; it can be `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.",
                ],
            ),
            (&review, "activity.type == 'review'", vec![]),
            (
                &review,
                "activity.type == 'photo'",
                vec!["`activity.type` is never `photo`: the rule is for activities of the type `review`."],
            ),
            (&purchase, "purchase.channel == 'apk' || purchase.attributes.till == 'x' || line.sku == 'y'", vec![]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|message| ("unknown_value", message.to_owned())).collect();
            assert_eq!(of_condition(on, when), expected, "{when}");
        }
    }

    #[test]
    fn without_tiers_and_plans_no_member_has_one_unless_the_version_before_sold_it() {
        let rules = json!([rule(&json!("purchase"), "member.tier == 'gold' || member.plan == 'plus'")]);
        let bare = json!({ "earning_rules": rules, "tiers": null, "plans": [] });
        let without = |parts: &Value| {
            let mut parts = parts.clone();
            parts.as_object_mut().unwrap().remove("tiers");
            let mut document = json!({ "name": "Shop", "time_zone": "UTC", "currency": "EUR" });
            document.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
            Program::read(&document, 1).unwrap()
        };
        let unknown = ("/earning_rules/0/when".to_owned(), "unknown_value");
        assert_eq!(found(&without(&bare), None), [unknown.clone(), unknown.clone()]);
        assert_eq!(found(&without(&bare), Some(&program(&json!({})))), [unknown]);
        let messages =
            without(&bare).ineffective(None, NOW.parse().unwrap()).into_iter().map(|warning| warning.message);
        let expected = [
            "`member.tier` is never `gold`: the program has no tiers.",
            "`member.plan` is never `plus`: the program has no plans.",
        ];
        assert_eq!(messages.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_rule_or_a_reward_that_has_ended_is_never_active() {
        let ending = |to: &str| {
            let mut rule = rule(&json!("purchase"), "true");
            rule["active"] = json!({ "to": to });
            let reward = json!({
                "id": "mug", "name": "Mug", "kind": "product", "cost": { "points": 5 }, "active": { "to": to }
            });
            program(&json!({ "earning_rules": [rule], "rewards": [reward] }))
        };
        let before = program(&json!({}));
        let (rule, reward) = ("/earning_rules/0/active/to", "/rewards/0/active/to");
        for (to, before, expected) in [
            ("2026-11-27T12:00:01Z", None, vec![]),
            ("2026-11-27T12:00:00Z", None, vec![reward]),
            // A purchase of that day can still be posted.
            ("2026-10-28T00:00:00Z", None, vec![reward]),
            ("2026-10-27T00:00:00Z", None, vec![rule, reward]),
            ("2026-11-27T12:00:01Z", Some(&before), vec![]),
            ("2026-11-27T12:00:00Z", Some(&before), vec![rule, reward]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|at| (at.to_owned(), "never_active")).collect();
            assert_eq!(found(&ending(to), before), expected, "{to}");
        }
        let to = "2026-10-01T00:00:00Z";
        assert_eq!(found(&ending(to), Some(&ending(to))), [], "it is over, and was in the version before");
        assert_eq!(found(&ending(to), Some(&ending("2026-10-02T00:00:00Z"))).len(), 2);
    }

    #[test]
    fn a_multiplier_without_a_base_rule_for_the_same_occasion_has_nothing_to_multiply() {
        let purchase = json!("purchase");
        let review = json!({ "activity": "review" });
        let rule = |id: &str, on: &Value, give: Value, stacking: Value, when: &str| json!({ "id": id, "on": on, "give": give, "stacking": stacking, "when": when });
        let fixed = json!({ "fixed": { "points": 5 } });
        let rate = json!({ "rate": { "points": 1, "per": 100 } });
        let double =
            |on: &Value, when: &str| rule("m", on, json!({ "multiplier": { "percent": 200 } }), json!("add"), when);
        let of_line = "line.category == 'tea'";
        for (rules, is_warned) in [
            (vec![double(&purchase, "true")], true),
            (vec![double(&purchase, "true"), rule("r", &purchase, rate.clone(), json!("base"), "true")], false),
            (vec![double(&purchase, "true"), rule("r", &purchase, fixed.clone(), json!("add"), "true")], true),
            (vec![double(&purchase, "true"), rule("r", &review, fixed.clone(), json!("base"), "true")], true),
            (vec![double(&review, "true"), rule("r", &review, fixed.clone(), json!("base"), "true")], false),
            (vec![double(&purchase, of_line), rule("r", &purchase, fixed, json!("base"), "true")], true),
            (vec![double(&purchase, of_line), rule("r", &purchase, rate, json!("base"), "true")], false),
        ] {
            let at = "/earning_rules/0/give/multiplier".to_owned();
            let expected = is_warned.then_some((at, "nothing_to_multiply"));
            let found = found(&program(&json!({ "earning_rules": rules })), None);
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{rules:?}");
        }
    }

    #[test]
    fn a_limit_below_the_cost_leaves_no_redemption() {
        for (cost, limit, is_warned) in [
            (json!({ "points": 100 }), json!({ "points": 100, "every": "day" }), false),
            (json!({ "points": 101 }), json!({ "points": 100, "every": "day" }), true),
            (json!({ "points": 101 }), json!({ "points": 100, "every": "day", "per": "program" }), true),
            (json!({ "points": 101 }), json!({ "times": 1, "every": "day" }), false),
            (json!({ "points": 101, "per": 100 }), json!({ "points": 100, "every": "day" }), false),
        ] {
            let reward = json!({ "id": "mug", "name": "Mug", "kind": "product", "cost": cost, "limit": limit });
            let expected = is_warned.then_some(("/rewards/0/limit/points".to_owned(), "limit_below_cost"));
            let found = found(&program(&json!({ "rewards": [reward] })), None);
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{limit}");
        }
    }

    #[test]
    fn a_condition_whose_types_never_work_always_faults() {
        let faults = |what: &str| ("always_faults", format!("{what}, which always fails."));
        let and = |(code, message): (&'static str, String), more: &str| (code, format!("{message}{more}"));
        let never = |what: &str, remedy: &str| ("never_equal", format!("{what}, and these are never equal.{remedy}"));
        for (when, expected) in [
            (
                "purchase.total > '5'",
                Some(and(faults("`>` is applied to a number and a string"), " Write 5 without quotes.")),
            ),
            ("purchase.total > 'five'", Some(faults("`>` is applied to a number and a string"))),
            ("true || purchase.total > 'five'", Some(faults("`>` is applied to a number and a string"))),
            ("!(purchase.total > 'five')", Some(faults("`>` is applied to a number and a string"))),
            (
                "purchase.channel in 'app'",
                Some(and(faults("`in` is applied to a string and a string"), " Write a list behind `in`: ['app'].")),
            ),
            ("!purchase.total", Some(faults("`!` is applied to a number"))),
            ("!purchase.total > 5", Some(faults("`!` is applied to a number"))),
            ("purchase.total && true", Some(faults("`&&` is applied to a number"))),
            ("purchase.total ? true : false", Some(faults("`?:` is applied to a number"))),
            ("1/0 > 1", Some(faults("`/` divides by zero"))),
            ("purchase.total % 0 == 1", Some(faults("`%` divides by zero"))),
            ("9223372036854775807 + 1 > purchase.total", Some(faults("`+` gives a number beyond 64 bits"))),
            ("int('x') > 1", Some(faults("`int` is applied to a string that it cannot convert"))),
            ("size(purchase.total) > 1", Some(faults("`size` is applied to a number"))),
            ("member.attributes.newsletter > 1", Some(faults("`>` is applied to true or false and a number"))),
            ("purchase.total.contains('1')", Some(faults("`contains` is applied to a number and a string"))),
            ("purchase.total + 'x' == 'y'", Some(faults("`+` is applied to a number and a string"))),
            ("purchase.total == '5'", Some(never("`==` compares a number with a string", " Write 5 without quotes."))),
            ("purchase.total in ['5']", Some(never("`in` compares a number with a string", ""))),
            ("member.attributes.newsletter == 'yes'", Some(never("`==` compares true or false with a string", ""))),
            (
                "occurred_at.hour != '10' || true",
                Some(never("`!=` compares a number with a string", " Write 10 without quotes.")),
            ),
            // What depends on the occasion, or is an ordinary question.
            ("purchase.attributes.table > 5 && !purchase.attributes.gift && 'x' in ['x']", None),
            ("purchase.channel == null || null != purchase.total || has(purchase.store)", None),
            ("int(purchase.attributes.table) / (purchase.total - 1000) > 1", None),
            ("!purchase.attributes.gift || purchase.total + 9223372036854775807 > 1", None),
            ("purchase.store in [purchase.channel, 'x'] && purchase.total in [1, line.amount]", None),
            ("member.attributes.city > 'A' && member.attributes.newsletter && !member.attributes.newsletter", None),
            ("(purchase.total > 5 ? purchase.total : 'x') == 'x' && size([1] + [2]) > 1", None),
            ("bool(string(purchase.total)) || -purchase.total < 0 || purchase.attributes.a", None),
            ("false", None),
            ("1 == 2", None),
        ] {
            assert_eq!(of_condition(&json!("purchase"), when), expected.into_iter().collect::<Vec<_>>(), "{when}");
        }
    }

    #[test]
    fn the_condition_of_a_reward_is_checked_too() {
        let reward = json!({
            "id": "mug", "name": "Mug", "kind": "product", "cost": { "points": 5 }, "when": "member.tier == 'goldd' && !member.purchases"
        });
        let at = "/rewards/0/when".to_owned();
        let expected = [(at.clone(), "unknown_value"), (at, "always_faults")];
        assert_eq!(found(&program(&json!({ "rewards": [reward] })), None), expected);
    }
}
