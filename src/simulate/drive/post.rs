//! Requests to the log, many at the same time.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::JoinSet;

use super::{DriveError, Placed};
use crate::client::api::{
    AddChainResult, AddChainsResponse, AddRegistrationResponse, AddStatementResponse, GetEntries, Problem,
};
use crate::entry::Leaf;
use crate::load::{Connection, Target};
use crate::registration::SignedRegistration;
use crate::sct::Extensions;
use crate::statement::KeyStatement;

const CONNECTIONS: usize = 32;

const ADD_CHAINS: &str = "/tn/v1/add-chains";
const ADD_STATEMENT: &str = "/tn/v1/add-key-statement";
const ADD_REGISTRATION: &str = "/tn/v1/add-registration";
const GET_ENTRIES: &str = "/ct/v1/get-entries";

/// Where an event stands; or what was asked for, and what the log answered instead.
pub(super) type Answer = Result<Placed, (&'static str, String)>;

/// Standard base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A request, and the places of the events that it is for.
pub(super) struct Request {
    path: &'static str,
    places: Vec<usize>,
    body: Vec<u8>,
}

impl Request {
    /// Several chains, each the JSON of one.
    pub(super) fn chains(places: Vec<usize>, chains: &[String]) -> Self {
        let body = format!(r#"{{"chains":[{}]}}"#, chains.join(",")).into_bytes();
        Request { path: ADD_CHAINS, places, body }
    }

    /// A key statement.
    pub(super) fn statement(place: usize, statement: &KeyStatement) -> Self {
        let body = json!({ "statement": base64(&statement.encode()) });
        Request { path: ADD_STATEMENT, places: vec![place], body: body.to_string().into_bytes() }
    }

    /// A registration.
    pub(super) fn registration(place: usize, registration: &SignedRegistration) -> Self {
        let body = json!({ "registration": base64(&registration.encode()) });
        Request { path: ADD_REGISTRATION, places: vec![place], body: body.to_string().into_bytes() }
    }

    async fn send(self, connection: &mut Connection) -> Result<Vec<(usize, Answer)>, DriveError> {
        let Request { path, places, body } = self;
        let (status, body) = connection.post(path, body).await?;
        if status != StatusCode::OK {
            let problem = serde_json::from_slice::<Problem>(&body).ok();
            let answer = problem.map_or_else(|| status.to_string(), |problem| problem.kind);
            return Ok(places.into_iter().map(|place| (place, Err((path, answer.clone())))).collect());
        }
        let answers: Vec<Answer> = match path {
            ADD_CHAINS => {
                parse::<AddChainsResponse>(path, &body)?.results.into_iter().map(of_chain).collect()
            }
            ADD_STATEMENT => {
                let AddStatementResponse { leaf_index, timestamp } = parse(path, &body)?;
                vec![Ok(Placed { index: leaf_index, timestamp })]
            }
            _ => {
                let AddRegistrationResponse { leaf_index, timestamp, .. } = parse(path, &body)?;
                vec![Ok(Placed { index: leaf_index, timestamp })]
            }
        };
        if answers.len() != places.len() {
            return Err(DriveError::Malformed(path));
        }
        Ok(places.into_iter().zip(answers).collect())
    }
}

fn parse<T: DeserializeOwned>(path: &'static str, body: &[u8]) -> Result<T, DriveError> {
    serde_json::from_slice(body).map_err(|_| DriveError::Malformed(path))
}

fn of_chain(result: AddChainResult) -> Answer {
    match result {
        AddChainResult::Problem(problem) => Err((ADD_CHAINS, problem.kind)),
        AddChainResult::Sct(sct) => {
            let extensions = STANDARD.decode(&sct.extensions).ok();
            let extensions = extensions.and_then(|bytes| Extensions::decode(&bytes).ok());
            let extensions = extensions.ok_or((ADD_CHAINS, "an SCT without leaf_index".to_owned()))?;
            Ok(Placed { index: extensions.leaf_index, timestamp: sct.timestamp })
        }
    }
}

/// Connections to the log.
pub(super) struct Poster {
    idle: Vec<Connection>,
}

impl Poster {
    pub(super) fn new(target: &Target) -> Self {
        Poster { idle: (0..CONNECTIONS).map(|_| Connection::new(target.clone())).collect() }
    }

    /// Sends all requests, as many at the same time as there are connections.
    pub(super) async fn post_all(
        &mut self,
        mut requests: Vec<Request>,
    ) -> Result<Vec<(usize, Answer)>, DriveError> {
        requests.reverse();
        let mut sent = JoinSet::new();
        let mut answers = Vec::new();
        loop {
            while let Some(mut connection) = self.idle.pop() {
                let Some(request) = requests.pop() else {
                    self.idle.push(connection);
                    break;
                };
                sent.spawn(async move { (request.send(&mut connection).await, connection) });
            }
            let Some(done) = sent.join_next().await else { return Ok(answers) };
            let (result, connection) = done.expect("sending never panics");
            self.idle.push(connection);
            answers.extend(result?);
        }
    }

    /// The leaves at these indexes.
    pub(super) async fn leaves(&mut self, range: Range<u64>) -> Result<Vec<Leaf>, DriveError> {
        let connection = self.idle.last_mut().expect("no request is under way");
        let mut leaves = Vec::new();
        while leaves.len() < (range.end - range.start) as usize {
            let (start, end) = (range.start + leaves.len() as u64, range.end - 1);
            let (_, body) = connection.get(&format!("{GET_ENTRIES}?start={start}&end={end}")).await?;
            let entries: GetEntries = parse(GET_ENTRIES, &body)?;
            if entries.entries.is_empty() {
                return Err(DriveError::Malformed(GET_ENTRIES));
            }
            for entry in entries.entries {
                let bytes = STANDARD.decode(&entry.leaf_input).ok();
                let leaf = bytes.and_then(|bytes| Leaf::decode(&bytes).ok());
                leaves.push(leaf.ok_or(DriveError::Malformed(GET_ENTRIES))?);
            }
        }
        Ok(leaves)
    }
}
