//! The whole system on this machine: the functions' own handlers, a table, and a clock that can be moved.

mod browser;
mod clock;
mod control;
mod dynamo;
mod events;
mod failure;
mod function;
mod functions;
mod gateway;
mod greeting;
mod layout;
mod program;
mod queue;
mod run;
mod server;
mod stream;
mod template;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use regulars_api::http::Routes;
use regulars_application::alias_key::AliasKeySource;
use regulars_application::authority::{Authority, Claims};
use regulars_application::clock::{Clock, MovableClock};
use regulars_application::engine::Engine;
use regulars_application::programs::ProgramCache;
use regulars_store::{AliasKey, Store};

pub use dynamo::{Data, OpenData, client_at};
pub use failure::StartFailed;
pub use stream::{Place, Records, Stream};

use clock::KeptClock;
use control::Control;
use dynamo::Dynamo;
use events::Publisher;
use function::Function;
use program::{Document, IfHeld};
use server::{Front, Server, Target};
use template::{FunctionResource, HttpRoute, Template};

use crate::token::Key;

/// The name of the table.
pub const TABLE: &str = "regulars";

/// The key under which aliases are hashed. It protects nothing here, and never changes, so that data files stay usable.
const ALIAS_KEY: &[u8] = b"aliases in a local file are protected by the file's own permissions";

/// The options of the local server.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on loopback; 0 chooses a free one.
    pub port: u16,
    /// Where the table is stored.
    pub data: Data,
    /// The program document to publish as `demo` if the data has none; without it, the sample.
    pub program: Option<PathBuf>,
    /// Whether to publish that document as the next version if the data has another one.
    pub publish: bool,
    /// The time of the clock; without it, the clock follows the machine's until it is moved.
    pub clock_at: Option<Timestamp>,
    /// The file with the key of the tokens that callers must send; without it, every caller on this machine is an
    /// operator.
    pub auth: Option<PathBuf>,
}

/// A local server that accepts requests until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    url: String,
    greeting: String,
    clock: MovableClock,
    engine: Arc<Engine>,
    server: Server,
    dynamo: Dynamo,
}

/// Starts the whole system and returns when it accepts requests.
///
/// # Errors
///
/// [`StartFailed`] if the port or the data file is in use, a file cannot be read, or the program document has faults.
pub async fn start(options: Options) -> Result<Running, StartFailed> {
    start_with(options, functions::function).await
}

impl Running {
    /// Returns its address, such as `http://127.0.0.1:8787`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address of the table for other processes on this machine, which may use it through an engine
    /// ([`engine_at`]) or directly ([`client_at`]).
    #[must_use]
    pub fn table_url(&self) -> String {
        self.dynamo.url()
    }

    /// Returns the stream of its table.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.dynamo.stream()
    }

    /// Returns the clock of the whole system.
    #[must_use]
    pub fn clock(&self) -> &MovableClock {
        &self.clock
    }

    /// Returns the engine of the functions: the store, whose meter has the cost of requests, the programs and the
    /// clock.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Returns first commands to try, which can be pasted into a shell.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Accepts no more requests, finishes those in progress, and closes the data.
    pub async fn stop(self) {
        self.server.stop().await;
        self.dynamo.stop().await;
    }
}

/// Starts everything, with the functions that `function` returns.
async fn start_with(options: Options, function: MakeFunction) -> Result<Running, StartFailed> {
    let document = Document::read(options.program.as_deref())?;
    let key = options.auth.as_deref().map(Key::open).transpose().map_err(StartFailed::new)?;
    let listener = server::bind(options.port).await?;
    let template = Template::embedded()?;
    let dynamo = Dynamo::start(&options.data)?;
    dynamo::ensure_table(&dynamo.client(), TABLE, &template.table).await?;

    let kept = KeptClock::open(&options.data, options.clock_at)?;
    let clock = kept.clock().clone();
    let authority = key.as_ref().map_or(Authority::Trusted, |_| Authority::Jwt(Claims::default()));
    let engine = Arc::new(engine(dynamo::store(&dynamo.client()), clock.clone(), authority)?);
    let functions = named(&template, &engine, function)?;
    let program = find(&functions, "program")?;
    let if_held = match options.program {
        None => IfHeld::Keep,
        Some(_) if options.publish => IfHeld::Publish,
        Some(_) => IfHeld::Tell,
    };
    let published = program::publish(program, &document, if_held).await?;
    let currency = program::currency(program).await;

    let queue = functions.iter().find_map(|(resource, _)| functions::queue(resource, &engine));
    let events = template.functions.iter().find_map(|resource| Publisher::of(resource, dynamo.stream()));
    let control = Control::new(kept.clone(), scheduled(&functions), queue, events);
    let server = Server::start(listener, Front::new(routes(functions), control, clock.clone(), key))?;
    let url = format!("http://{}", server.address());
    let greeting = greeting::commands(&url, clock.now(), currency.as_deref(), options.auth.as_deref());
    let notices = [kept.notice().map(str::to_owned), published].into_iter().flatten();
    let lines: Vec<String> = notices.map(|notice| format!("# {notice}")).chain([greeting]).collect();
    let greeting = lines.join("\n");
    Ok(Running { url, greeting, clock, engine, server, dynamo })
}

/// Returns an engine for functions in another process than the one that serves the table at `table_url`.
///
/// # Errors
///
/// Never in practice: the alias key is long enough.
pub fn engine_at(table_url: &str, clock: MovableClock) -> Result<Engine, StartFailed> {
    engine(dynamo::store(&client_at(table_url)), clock, Authority::Trusted)
}

/// Returns the engine that the functions share.
fn engine(store: Store, clock: MovableClock, authority: Authority) -> Result<Engine, StartFailed> {
    let clock = Clock::Movable(clock);
    Ok(Engine {
        store,
        programs: ProgramCache::in_one_process(),
        clock,
        authority,
        alias_key: AliasKeySource::given(AliasKey::new(ALIAS_KEY).map_err(StartFailed::new)?),
    })
}

/// Returns the function of a resource; `None` if this program has no handler for it.
type MakeFunction = fn(&FunctionResource, &Arc<Engine>) -> Option<Function>;

type Functions = Vec<(FunctionResource, Function)>;

/// Returns every function of the template except the reader of the table's stream, which has no route. Fails if a
/// function has no handler, because its routes would be missing.
fn named(template: &Template, engine: &Arc<Engine>, function: MakeFunction) -> Result<Functions, StartFailed> {
    template
        .functions
        .iter()
        .filter(|resource| resource.stream.is_none())
        .map(|resource| {
            let made = function(resource, engine).ok_or_else(|| {
                StartFailed::new(format!("template.yaml names {}, which has no handler here", resource.name))
            })?;
            Ok((resource.clone(), made))
        })
        .collect()
}

fn find<'f>(functions: &'f Functions, name: &str) -> Result<&'f Function, StartFailed> {
    functions
        .iter()
        .find(|(resource, _)| resource.name == name)
        .map(|(_, function)| function)
        .ok_or_else(|| StartFailed::new(format!("template.yaml names no function {name}")))
}

/// Returns the function that the daily schedule starts.
fn scheduled(functions: &Functions) -> Option<Function> {
    functions
        .iter()
        .find(|(resource, _)| resource.is_scheduled && resource.name == "tier-evaluation")
        .map(|(_, function)| function.clone())
}

fn routes(functions: Functions) -> Routes<Target> {
    let of_functions = functions.into_iter().flat_map(|(resource, function)| {
        resource.routes.into_iter().map(move |HttpRoute { method, path, needs_token }| {
            (method, path, Target::Function { function: function.clone(), needs_token })
        })
    });
    let of_control = Control::routes().map(|(method, path)| (method.clone(), path.to_owned(), Target::Control));
    Routes::new(of_functions.chain(of_control))
}

#[cfg(test)]
mod tests;
