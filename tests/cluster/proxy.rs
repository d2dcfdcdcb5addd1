//! An HTTP server between the tool and the API server that does harm where it is told to.

use crate::control_plane::ControlPlane;
use crate::server::Server;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A request as the proxy sees it.
pub struct Request {
    /// `GET`, `PATCH`.
    pub method: String,
    /// Path and query.
    pub path: String,
    content_type: String,
    body: Vec<u8>,
}

/// What becomes of a request.
pub enum Fate {
    /// It reaches the server.
    Pass,
    /// It reaches the server after a while.
    Slow(Duration),
    /// It is answered by this.
    Answer(u16, &'static str, &'static str),
    /// The connection is closed without an answer.
    Drop,
}

/// Decides about requests.
pub type Judge = dyn Fn(&Request) -> Fate + Send + Sync;

impl Request {
    /// Whether it changes something.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.path.contains("dryRun=All")
    }
}

/// Starts a proxy, which ends with the process. Returns its address.
pub fn start(plane: &ControlPlane, judge: impl Fn(&Request) -> Fate + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (url, judge): (String, Arc<Judge>) = (plane.url.clone(), Arc::new(judge));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (url, judge) = (url.clone(), judge.clone());
            std::thread::spawn(move || serve(stream, &Server::new(&url, "admin"), &*judge));
        }
    });
    address
}

fn serve(stream: TcpStream, server: &Server, judge: &Judge) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let request = read(&mut reader)?;
        let (status, headers, body) = match judge(&request) {
            Fate::Drop => return None,
            Fate::Answer(status, headers, body) => (status, headers, body.to_owned()),
            Fate::Pass => forward(&request, server)?,
            Fate::Slow(time) => {
                std::thread::sleep(time);
                forward(&request, server)?
            }
        };
        let page = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(page.as_bytes()).ok()?;
    }
}

fn forward(request: &Request, server: &Server) -> Option<(u16, &'static str, String)> {
    let (status, body) = server
        .raw(
            &request.method,
            &request.path,
            &request.content_type,
            request.body.clone(),
        )
        .ok()?;
    Some((status, "content-type: application/json\r\n", body))
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut content_type) = (0, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "content-type" => content_type = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        content_type,
        body,
    })
}
