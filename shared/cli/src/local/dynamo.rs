//! DynamoDB on this machine: an embedded engine in a thread of its own, called by the real SDK over loopback.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    self, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription,
};
use regulars_store::{Limits, Store};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

use super::TABLE;
use super::failure::StartFailed;
use super::stream::{self, Stream};
use super::template::{Index, KeyElement, Projection, TableResource};
use crate::reason::reason;

/// Where the local server stores its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In memory: it is lost when the server stops.
    Memory,
    /// In this file, which only one server at a time can use. Next to it are a write-ahead log and a lock file.
    File(PathBuf),
}

/// A running engine.
///
/// It has a thread and a runtime of its own, because it works synchronously and would block other requests. With a
/// file, every answered write is on disk: the log is flushed before each answer.
#[derive(Debug)]
pub(crate) struct Dynamo {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    stream: Stream,
    // Never read. The operating system releases the lock when the process ends, for any reason.
    _lock: Option<File>,
}

impl Dynamo {
    /// Opens the data and serves it on a port that the system chooses.
    pub(crate) fn start(data: &Data) -> Result<Self, StartFailed> {
        let (database, lock) = match data {
            Data::Memory => {
                // Named within this process, so that a second connection can create the index of its stream.
                let name = format!("file:regulars-{:032x}?mode=memory&cache=shared", fastrand::u128(..));
                let database = dynoxide::Database::new(&name).map_err(StartFailed::new)?;
                stream::index(&name);
                (database, None)
            }
            Data::File(path) => {
                let lock = lock(path)?;
                (open(path, &lock)?, Some(lock))
            }
        };
        let stream = Stream::of(&database);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(not_served)?;
        listener.set_nonblocking(true).map_err(not_served)?;
        let address = listener.local_addr().map_err(not_served)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(not_served)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let served = match tokio::net::TcpListener::from_std(listener) {
                // The sender was used or dropped: both mean stop.
                Ok(listener) => {
                    let until = async { stopped.await.unwrap_or_default() };
                    dynoxide::server::serve_with_shutdown(listener, database, until).await
                }
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = served {
                tracing::error!(error, "the local DynamoDB stopped");
            }
        };
        let thread = std::thread::Builder::new()
            .name("dynamo".to_owned())
            .spawn(move || runtime.block_on(serve))
            .map_err(not_served)?;
        Ok(Dynamo { address, stop, thread, stream, _lock: lock })
    }

    /// Returns the stream of its table.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Returns its address, such as `http://127.0.0.1:43210`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns a client of this engine.
    pub(crate) fn client(&self) -> Client {
        client_at(&self.url())
    }

    /// Finishes requests in progress, closes the data and ends the thread.
    pub(crate) async fn stop(self) {
        let Dynamo { stop, thread, stream, .. } = self;
        // The data is closed with its last handle.
        drop(stream);
        // If there is no receiver, it has already stopped.
        let _ = stop.send(());
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::error!("the local DynamoDB did not stop cleanly");
        }
    }
}

/// The data of a local server, opened without the server.
#[derive(Debug)]
pub struct OpenData(Dynamo);

impl OpenData {
    /// Opens the data.
    ///
    /// # Errors
    ///
    /// [`StartFailed`] if it is in use, or cannot be read.
    pub fn open(data: &Data) -> Result<Self, StartFailed> {
        Dynamo::start(data).map(Self)
    }

    /// Opens a file that a local server has written, and leaves any other file unchanged.
    ///
    /// # Errors
    ///
    /// [`StartFailed`] if it does not exist, is not a data file, is in use, or cannot be read.
    pub fn existing(path: &Path) -> Result<Self, StartFailed> {
        let found = std::fs::metadata(path).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                return StartFailed::new(format!("there is no data file {}", path.display()));
            }
            cannot_open(path, reason(&error))
        })?;
        if found.is_dir() {
            return Err(cannot_open(path, DIRECTORY));
        }
        if !found.is_file() || !holds_table(path).map_err(|error| cannot_open(path, reason(&error)))? {
            return Err(cannot_open(path, NOT_OURS));
        }
        Self::open(&Data::File(path.to_owned()))
    }

    /// Returns a client of it.
    #[must_use]
    pub fn client(&self) -> Client {
        self.0.client()
    }

    /// Returns a store over it.
    #[must_use]
    pub fn store(&self) -> Store {
        store(&self.client())
    }

    /// Closes it.
    pub async fn close(self) {
        self.0.stop().await;
    }
}

/// The time limit of a call to an engine on this machine. It is longer than any function runs for a request, because
/// many requests may wait for its one thread.
const PATIENCE: Duration = Duration::from_mins(2);

/// Returns a store over the local table that `client` reaches.
pub(crate) fn store(client: &Client) -> Store {
    Store::with_limits(client, TABLE, Limits::uniform(PATIENCE))
}

/// Returns a client of the engine at `url`. It reads no credentials, region, profile or proxy from the environment.
///
/// Used by another process than the local server's, with the server's
/// [`Running::table_url`](super::Running::table_url).
#[must_use]
pub fn client_at(url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::from_static("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        // The default client would read HTTP_PROXY and load the system's certificates.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Creates the table of the template if the data has none with this name.
///
/// Rejects data whose table has other keys or indexes, because items could not be found in it.
pub(crate) async fn ensure_table(client: &Client, name: &str, table: &TableResource) -> Result<(), StartFailed> {
    match client.describe_table().table_name(name).send().await {
        Ok(found) => {
            let described = found.table.as_ref();
            if described.map(keys_found) == Some(keys_wanted(table)?) {
                return match stream_specification(table)? {
                    Some(wanted) if described.is_none_or(|found| found.latest_stream_arn.is_none()) => {
                        begin_stream(client, name, wanted).await
                    }
                    Some(_) | None => Ok(()),
                };
            }
            Err(StartFailed::new("the data was written by another release of Regulars; name another file with --data"))
        }
        Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
            create_table(client, name, table).await
        }
        Err(error) => Err(StartFailed::new(format!("the data cannot be read: {}", DisplayErrorContext(&error)))),
    }
}

async fn create_table(client: &Client, name: &str, table: &TableResource) -> Result<(), StartFailed> {
    let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for attribute in &table.attribute_definitions {
        request = request.attribute_definitions(
            types::AttributeDefinition::builder()
                .attribute_name(&attribute.attribute_name)
                .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
                .build()
                .map_err(StartFailed::new)?,
        );
    }
    request = request.set_key_schema(Some(key_schema(&table.key_schema)?));
    request = request.set_stream_specification(stream_specification(table)?);
    for index in &table.local_secondary_indexes {
        request = request.local_secondary_indexes(
            LocalSecondaryIndex::builder()
                .index_name(&index.name)
                .set_key_schema(Some(key_schema(&index.key_schema)?))
                .projection(projection(&index.projection))
                .build()
                .map_err(StartFailed::new)?,
        );
    }
    for index in &table.global_secondary_indexes {
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(&index.name)
                .set_key_schema(Some(key_schema(&index.key_schema)?))
                .projection(projection(&index.projection))
                .build()
                .map_err(StartFailed::new)?,
        );
    }
    let made = request.send().await;
    made.map_err(|error| StartFailed::new(format!("the table cannot be created: {}", DisplayErrorContext(&error))))?;
    Ok(())
}

/// Adds a stream to a table that an earlier release created. The stream lacks what was written before.
async fn begin_stream(client: &Client, name: &str, wanted: StreamSpecification) -> Result<(), StartFailed> {
    let begun = client.update_table().table_name(name).stream_specification(wanted).send().await;
    begun.map_err(|error| {
        StartFailed::new(format!("the table cannot be given a stream: {}", DisplayErrorContext(&error)))
    })?;
    Ok(())
}

fn stream_specification(table: &TableResource) -> Result<Option<StreamSpecification>, StartFailed> {
    let Some(stream) = &table.stream_specification else { return Ok(None) };
    let view = StreamViewType::from(stream.stream_view_type.as_str());
    let built = StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build();
    built.map(Some).map_err(StartFailed::new)
}

fn key_schema(keys: &[KeyElement]) -> Result<Vec<KeySchemaElement>, StartFailed> {
    keys.iter()
        .map(|key| {
            KeySchemaElement::builder()
                .attribute_name(&key.attribute_name)
                .key_type(KeyType::from(key.key_type.as_str()))
                .build()
                .map_err(StartFailed::new)
        })
        .collect()
}

fn projection(projection: &Projection) -> types::Projection {
    let names = &projection.non_key_attributes;
    types::Projection::builder()
        .projection_type(ProjectionType::from(projection.projection_type.as_str()))
        .set_non_key_attributes((!names.is_empty()).then(|| names.clone()))
        .build()
}

/// The keys of the table and of each index. The table has the empty name.
type Keys = BTreeMap<String, Vec<KeySchemaElement>>;

fn keys_wanted(table: &TableResource) -> Result<Keys, StartFailed> {
    let indexes: Vec<&Index> = table.local_secondary_indexes.iter().chain(&table.global_secondary_indexes).collect();
    let mut keys = Keys::from([(String::new(), key_schema(&table.key_schema)?)]);
    for index in indexes {
        keys.insert(index.name.clone(), key_schema(&index.key_schema)?);
    }
    Ok(keys)
}

fn keys_found(table: &TableDescription) -> Keys {
    let mut keys = Keys::from([(String::new(), table.key_schema().to_vec())]);
    for index in table.local_secondary_indexes() {
        keys.insert(index.index_name().unwrap_or_default().to_owned(), index.key_schema().to_vec());
    }
    for index in table.global_secondary_indexes() {
        keys.insert(index.index_name().unwrap_or_default().to_owned(), index.key_schema().to_vec());
    }
    keys
}

/// Locks the data file itself, so that the lock is the same for every name or link of the file.
///
/// Two servers on one file would each assume that no other process writes. The database itself does not use this kind
/// of lock.
fn lock(path: &Path) -> Result<File, StartFailed> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            StartFailed::new(format!("cannot create the folder {}: {}", folder.display(), reason(&error)))
        })?;
    }
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(cannot_open(path, DIRECTORY));
    }
    // A device cannot hold a database.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(cannot_open(path, NOT_OURS));
    }
    let file = File::options().create(true).truncate(false).read(true).write(true).open(path);
    let file = file.map_err(|error| cannot_open(path, reason(&error)))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let name = path.display();
            Err(StartFailed::new(format!("the data file {name} is in use by another process, such as a local server")))
        }
        Err(TryLockError::Error(error)) => Err(cannot_open(path, reason(&error))),
    }
}

fn open(path: &Path, locked: &File) -> Result<dynoxide::Database, StartFailed> {
    let name = path.to_str().ok_or_else(|| cannot_open(path, "its name is not UTF-8"))?;
    if !may_be_ours(path, locked).map_err(|error| cannot_open(path, reason(&error)))? {
        return Err(cannot_open(path, NOT_OURS));
    }
    let database = dynoxide::Database::new(name).map_err(|error| match error.to_string() {
        text if text.contains("not a valid SQLite database") => cannot_open(path, NOT_OURS),
        text => cannot_open(path, text),
    })?;
    stream::index(name);
    Ok(database)
}

/// The error for a directory.
const DIRECTORY: &str = "it is a directory, not a file";

/// The error for a file that no local server has written.
const NOT_OURS: &str = "it is not a data file of the local server; name another file with --data";

/// The first bytes of each file of the database, and a text in the first pages of each file of the local DynamoDB.
const DATABASE: &[u8] = b"SQLite format 3\0";
const CATALOG: &[u8] = b"CREATE TABLE _tables";
const FIRST_PAGES: u64 = 64 * 1024;

/// Returns whether a local server may have written the file: it is empty, or a database of the local DynamoDB. A
/// database with a write-ahead log may have everything in the log.
fn may_be_ours(path: &Path, file: &File) -> std::io::Result<bool> {
    let mut first = Vec::new();
    file.take(FIRST_PAGES).read_to_end(&mut first)?;
    let has_catalog = || first.windows(CATALOG.len()).any(|part| part == CATALOG);
    Ok(first.is_empty() || first.starts_with(DATABASE) && (has_log(path) || has_catalog()))
}

/// Returns whether the database in `path` has a log with content beside it.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// Returns whether a local server has made its table in the file. Neither the file nor anything beside it is written.
fn holds_table(path: &Path) -> std::io::Result<bool> {
    let file = File::open(path)?;
    if file.metadata()?.len() == 0 || !may_be_ours(path, &file)? {
        return Ok(false);
    }
    // Without a log, the database is read as a file that cannot change; otherwise it would make a log.
    let ending = if has_log(path) { "mode=ro" } else { "mode=ro&immutable=1" };
    let name = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let count = Connection::open_with_flags(format!("file:{name}?{ending}"), flags).and_then(|connection| {
        let query = "SELECT count(*) FROM _tables WHERE table_name = ?1";
        connection.query_row(query, [TABLE], |row| row.get::<_, i64>(0))
    });
    Ok(match count {
        Ok(count) => count > 0,
        // Without a catalog, or no database. Any other failure is reported when the file is opened.
        Err(error) => !matches!(error.sqlite_error_code(), Some(ErrorCode::Unknown | ErrorCode::NotADatabase)),
    })
}

fn cannot_open(path: &Path, reason: impl std::fmt::Display) -> StartFailed {
    StartFailed::new(format!("cannot open the data file {}: {reason}", path.display()))
}

fn not_served(error: impl std::fmt::Display) -> StartFailed {
    StartFailed::new(format!("the local DynamoDB cannot be started: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::template::Template;
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;

    const TABLE: &str = "regulars";

    async fn started(data: &Data) -> (Dynamo, Client) {
        let dynamo = Dynamo::start(data).unwrap();
        let client = dynamo.client();
        ensure_table(&client, TABLE, &Template::embedded().unwrap().table).await.unwrap();
        (dynamo, client)
    }

    async fn put(client: &Client, pk: &str) {
        client
            .put_item()
            .table_name(TABLE)
            .item("pk", AttributeValue::S(pk.to_owned()))
            .item("sk", AttributeValue::S("account".to_owned()))
            .item("seq", AttributeValue::N("1".to_owned()))
            .item("due_shard", AttributeValue::N("17".to_owned()))
            .item("due_key", AttributeValue::S("2026-12-31".to_owned()))
            .send()
            .await
            .unwrap();
    }

    async fn count(client: &Client, index: &str, key: &str, value: AttributeValue) -> i32 {
        client
            .query()
            .table_name(TABLE)
            .index_name(index)
            .key_condition_expression("#k = :v")
            .expression_attribute_names("#k", key)
            .expression_attribute_values(":v", value)
            .send()
            .await
            .unwrap()
            .count
    }

    #[tokio::test]
    async fn the_table_has_the_indexes_of_the_template() {
        let (dynamo, client) = started(&Data::Memory).await;
        put(&client, "a").await;
        assert_eq!(count(&client, "by_seq", "pk", AttributeValue::S("a".to_owned())).await, 1);
        assert_eq!(count(&client, "due", "due_shard", AttributeValue::N("17".to_owned())).await, 1);
        dynamo.stop().await;
    }

    #[tokio::test]
    async fn a_file_keeps_what_was_written_and_memory_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = Data::File(folder.path().join("deep/er/local.db"));
        for (data, expected) in [(file, 1), (Data::Memory, 0)] {
            let (dynamo, client) = started(&data).await;
            put(&client, "a").await;
            drop(client);
            dynamo.stop().await;
            let (dynamo, client) = started(&data).await;
            assert_eq!(count(&client, "by_seq", "pk", AttributeValue::S("a".to_owned())).await, expected);
            dynamo.stop().await;
        }
    }

    #[tokio::test]
    async fn a_file_is_used_by_one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::File(folder.path().join("local.db"));
        let (dynamo, _client) = started(&data).await;
        let failure = Dynamo::start(&data).unwrap_err().to_string();
        assert!(failure.contains("in use by another process"), "{failure}");
        dynamo.stop().await;
        Dynamo::start(&data).unwrap().stop().await;
    }

    #[tokio::test]
    async fn the_lock_of_a_file_holds_under_each_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("local.db");
        let (dynamo, _client) = started(&Data::File(file.clone())).await;
        let [symbolic, hard, roundabout] =
            ["symbolic.db", "hard.db", "deep/../local.db"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&file, &symbolic).unwrap();
        std::fs::hard_link(&file, &hard).unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        for name in [symbolic, hard, roundabout] {
            let failure = Dynamo::start(&Data::File(name)).unwrap_err().to_string();
            assert!(failure.contains("in use by another process"), "{failure}");
        }
        dynamo.stop().await;
    }

    #[tokio::test]
    async fn a_file_of_another_program_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.db");
        let other = [DATABASE, &[0; 4080], b"CREATE TABLE invoices"].concat();
        for content in [b"hello".as_slice(), &[b'x'; 5_000], &other] {
            std::fs::write(&file, content).unwrap();
            let failure = Dynamo::start(&Data::File(file.clone())).unwrap_err().to_string();
            assert!(failure.contains("it is not a data file of the local server"), "{failure}");
            assert_eq!(std::fs::read(&file).unwrap(), content);
        }
        // What was written by a server, and its server killed before the log went into the file.
        std::fs::remove_file(&file).unwrap();
        let (dynamo, client) = started(&Data::File(file.clone())).await;
        put(&client, "a").await;
        let copy = folder.path().join("copy.db");
        for ending in ["", "-wal"] {
            std::fs::copy(format!("{}{ending}", file.display()), format!("{}{ending}", copy.display())).unwrap();
        }
        dynamo.stop().await;
        let (dynamo, client) = started(&Data::File(copy)).await;
        assert_eq!(count(&client, "by_seq", "pk", AttributeValue::S("a".to_owned())).await, 1);
        dynamo.stop().await;
    }

    #[tokio::test]
    async fn a_file_without_a_table_is_not_opened_as_existing_data_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let [empty, notes, bare, data] =
            ["empty.db", "notes.txt", "bare #1?%41.db", "local.db"].map(|name| folder.path().join(name));
        std::fs::write(&empty, "").unwrap();
        std::fs::write(&notes, "hello").unwrap();
        Dynamo::start(&Data::File(bare.clone())).unwrap().stop().await;
        let listed = || {
            let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
            let mut contents: Vec<_> = files.map(|file| (std::fs::read(&file).unwrap(), file)).collect();
            contents.sort();
            contents
        };
        let before = listed();
        let refused = |path: &Path| OpenData::existing(path).unwrap_err().to_string();
        for path in [&empty, &notes, &bare, Path::new("/dev/null")] {
            assert_eq!(refused(path), format!("cannot open the data file {}: {NOT_OURS}", path.display()));
        }
        assert_eq!(refused(folder.path()), cannot_open(folder.path(), DIRECTORY).to_string());
        assert_eq!(refused(&data), format!("there is no data file {}", data.display()));
        assert_eq!(listed(), before);

        let (dynamo, client) = started(&Data::File(data.clone())).await;
        put(&client, "a").await;
        // As it is after a kill, with all of it in the log.
        let copy = folder.path().join("copy.db");
        for ending in ["", "-wal"] {
            std::fs::copy(format!("{}{ending}", data.display()), format!("{}{ending}", copy.display())).unwrap();
        }
        let in_use = OpenData::existing(&data).unwrap_err().to_string();
        assert!(in_use.contains("in use by another process"), "{in_use}");
        dynamo.stop().await;
        for path in [data, copy] {
            let opened = OpenData::existing(&path).unwrap();
            let found = count(&opened.client(), "by_seq", "pk", AttributeValue::S("a".to_owned())).await;
            assert_eq!(found, 1, "{}", path.display());
            opened.close().await;
        }
    }

    #[tokio::test]
    async fn data_with_another_table_is_refused() {
        let dynamo = Dynamo::start(&Data::Memory).unwrap();
        let client = dynamo.client();
        let mut older = Template::embedded().unwrap().table;
        older.global_secondary_indexes.clear();
        older.attribute_definitions.retain(|attribute| !attribute.attribute_name.starts_with("due"));
        ensure_table(&client, TABLE, &older).await.unwrap();
        ensure_table(&client, TABLE, &older).await.unwrap();
        let failure = ensure_table(&client, TABLE, &Template::embedded().unwrap().table).await.unwrap_err();
        assert!(failure.to_string().contains("written by another release"), "{failure}");
        dynamo.stop().await;
    }

    #[test]
    fn data_that_cannot_be_opened_is_one_clear_line() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "not a database, but long enough to be taken for one ".repeat(100)).unwrap();
        for path in [text.clone(), text.join("below-a-file"), folder.path().to_owned()] {
            let failure = Dynamo::start(&Data::File(path)).unwrap_err().to_string();
            assert!(failure.starts_with("cannot "), "{failure}");
            assert_eq!(failure.lines().count(), 1);
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_dropped_ends_its_thread() {
        let Dynamo { stop, thread, .. } = Dynamo::start(&Data::Memory).unwrap();
        drop(stop);
        tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
    }
}
