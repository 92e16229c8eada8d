//! Three years of a member under every kind of tiers: what counts, over which period, and how a level is lost.

use serde_json::{Value, json};

use crate::{
    tiers::with_tiers,
    world::{Member, at, purchase},
};

/// When the account of the member, who joined on 1 March 2026, is read, and the number of purchases of 10 EUR just
/// before.
const LOOKS: [(&str, usize); 18] = [
    ("2026-03-10", 3),
    ("2026-12-31T23:59", 0),
    ("2027-01-01T00:00", 0),
    ("2027-03-31T23:59", 0),
    ("2027-04-01T00:00", 0),
    ("2027-05-01T00:00", 0),
    ("2027-06-15", 1),
    ("2028-01-01T00:00", 0),
    ("2028-02-29T23:59", 0),
    ("2028-03-01T00:00", 0),
    ("2028-03-20", 2),
    ("2028-06-30T23:59", 0),
    ("2028-07-01T00:00", 0),
    ("2029-01-01T00:00", 0),
    ("2029-03-01T00:00", 0),
    ("2029-03-31T23:59", 0),
    ("2029-04-01T00:00", 0),
    ("2029-05-01T00:00", 0),
];

/// Returns levels for none, one, two and three purchases of 10 EUR, in the units of `basis`.
fn levels(basis: &Value) -> Value {
    let of_purchases = |purchases: i64, unit: &str| match unit {
        "points" => 100 * purchases,
        "spend" => 1000 * purchases,
        "visits" => purchases,
        other => panic!("{other}"),
    };
    let threshold = |purchases: i64| {
        let of = |unit: &str| of_purchases(purchases, unit);
        if let Some(unit) = basis.as_str() {
            json!(of(unit))
        } else if basis.get("any").is_some() {
            // Practically unreachable, so that the other basis is enough.
            json!({ "points": of("points"), "visits": 50 * purchases })
        } else {
            json!({ "spend": of("spend"), "visits": of("visits") })
        }
    };
    let ids = ["bronze", "silver", "gold", "platinum"].into_iter().zip(0..);
    ids.map(|(id, purchases)| json!({ "id": id, "threshold": threshold(purchases) })).collect()
}

/// Asserts that the member has, at each reading, the level that begins with this letter.
fn check(basis: &Value, period: &Value, downgrade: &str, expected: &str) {
    let tiers = json!({ "basis": basis, "period": period, "downgrade": downgrade, "levels": levels(basis) });
    let program = with_tiers(tiers);
    let mut member = Member::joins(&program, "2026-03-01");
    let mut found = String::new();
    for (n, (when, purchases)) in LOOKS.into_iter().enumerate() {
        for more in 0..purchases {
            member.earns(&program, &format!("order-{n}-{more}"), &purchase(when, json!(1000))).unwrap();
        }
        member.reviewed(&program, at(when));
        found.push_str(&member.tier().unwrap()[..1]);
    }
    assert_eq!(found.to_uppercase(), expected, "{basis} {period} {downgrade}");
    member.assert_proven();
}

#[test]
fn every_basis_over_every_period_with_every_downgrade() {
    let bases = [
        json!("points"),
        json!("spend"),
        json!("visits"),
        json!({ "any": ["points", "visits"] }),
        json!({ "all": ["spend", "visits"] }),
    ];
    let rolling = json!({ "rolling_months": 12 });
    for basis in &bases {
        for (period, downgrade, expected) in [
            // Three purchases in 2026, one in 2027, two in 2028.
            (&json!("calendar_year"), "to_qualified", "PPPPPPPSSSGGGGGGGG"),
            (&json!("calendar_year"), "one_level", "PPPPPPPGGGGGGGGGGG"),
            (&json!("calendar_year"), "never", "PPPPPPPPPPPPPPPPPP"),
            // The same, in years that begin in March.
            (&json!("membership_year"), "to_qualified", "PPPPPPPPPSGGGGGGGG"),
            (&json!("membership_year"), "one_level", "PPPPPPPPPGGGGGGGGG"),
            (&json!("membership_year"), "never", "PPPPPPPPPPPPPPPPPP"),
            // All of them count permanently.
            (&json!("lifetime"), "to_qualified", "PPPPPPPPPPPPPPPPPP"),
            (&json!("lifetime"), "one_level", "PPPPPPPPPPPPPPPPPP"),
            (&json!("lifetime"), "never", "PPPPPPPPPPPPPPPPPP"),
            // Three to the end of March 2027, one to the end of June 2028, two to the end of March 2029.
            (&rolling, "to_qualified", "PPPPBBSSSSPPGGGGBB"),
            (&rolling, "one_level", "PPPPGSSSSSPPGGGGSB"),
            (&rolling, "never", "PPPPPPPPPPPPPPPPPP"),
        ] {
            check(basis, period, downgrade, expected);
        }
    }
}
