//! Adds latency in front of the table, as a network does.

use std::{
    net::{Ipv4Addr, TcpListener as StdListener},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Maximum size of a piece that is forwarded at once; a request of the store is smaller.
const PIECE: usize = 64 * 1024;

/// Returns the address of the table at `table_url` with a delay for each request, until this process ends.
pub(crate) fn put_between(table_url: &str, delay: Duration) -> String {
    let table = table_url.trim_start_matches("http://").to_owned();
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || pass_on(listener, &table, delay));
    url
}

#[tokio::main(flavor = "current_thread")]
async fn pass_on(listener: StdListener, table: &str, delay: Duration) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (worker, _) = listener.accept().await.unwrap();
        worker.set_nodelay(true).unwrap();
        let table = TcpStream::connect(table).await.unwrap();
        table.set_nodelay(true).unwrap();
        let (mut requests, mut answers_to) = worker.into_split();
        let (mut answers, mut requests_to) = table.into_split();
        tokio::spawn(async move {
            let mut piece = vec![0; PIECE];
            // A connection that ends on one side ends on both.
            while let Ok(length @ 1..) = requests.read(&mut piece).await {
                sleep(delay).await;
                if requests_to.write_all(&piece[..length]).await.is_err() {
                    break;
                }
            }
        });
        tokio::spawn(async move { copy(&mut answers, &mut answers_to).await });
    }
}
