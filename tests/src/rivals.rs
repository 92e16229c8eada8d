//! Rivals that always win: an engine whose changes of one account always lose the race.

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut},
    error::BoxError,
};
use regulars_application::{
    alias_key::AliasKeySource,
    authority::Authority,
    clock::{Clock, MovableClock},
    engine::Engine,
    programs::ProgramCache,
};
use regulars_cli::local::{TABLE, client_at};
use regulars_store::Store;

use crate::system::System;

/// Makes every change of one account lose its race: the version that it expects has always changed.
#[derive(Debug)]
struct Beaten(&'static str);

impl Intercept for Beaten {
    fn name(&self) -> &'static str {
        "Beaten"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        let text = String::from_utf8(body.bytes().unwrap_or_default().to_vec())?;
        if text.contains("TransactItems") && text.contains(self.0) {
            let beaten = text.replace(r#"":read":{"N":"1"}"#, r#"":read":{"N":"9"}"#);
            assert_ne!(beaten, text, "the account is changed under its version");
            *body = beaten.into();
        }
        Ok(())
    }
}

/// Returns an engine on the table of `system` that loses each race for the account with this partition key, which is at
/// its first version, at the instant `now`.
///
/// # Panics
///
/// `now` is not an instant.
#[must_use]
pub fn beaten(system: &System, partition: &'static str, now: &str) -> Engine {
    let config = client_at(&system.table_url()).config().to_builder().interceptor(Beaten(partition)).build();
    Engine {
        store: Store::new(&Client::from_conf(config), TABLE),
        programs: ProgramCache::default(),
        clock: Clock::Movable(MovableClock::standing_at(now.parse().expect("a moment"))),
        authority: Authority::Trusted,
        alias_key: AliasKeySource::absent(),
    }
}
