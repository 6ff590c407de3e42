//! Messages of MCP: JSON-RPC, alone or in a stream of events.

use serde_json::{Value, json};

use super::McpError;

/// Longest message, bytes: more than any answer that is let in.
const MESSAGE_BYTES: usize = 4 << 20;

/// A request with an id, or a notification without one.
pub fn message(id: Option<u64>, method: &str, params: Value) -> String {
    let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
    if let Some(id) = id {
        message["id"] = id.into();
    }
    message.to_string()
}

/// What a message says of the request of this id; none if it is about something else.
pub fn answer_to(id: u64, message: &Value) -> Option<Result<Value, McpError>> {
    if let Value::Array(batch) = message {
        return batch.iter().find_map(|message| answer_to(id, message));
    }
    // What has a method is a request of the server's own or a notification.
    if message["id"].as_u64() != Some(id) || message.get("method").is_some() {
        return None;
    }
    if let Some(error) = message.get("error") {
        let text = error["message"].as_str().unwrap_or("an error without words");
        return Some(Err(McpError::Said { text: text.chars().take(1000).collect() }));
    }
    Some(message.get("result").cloned().ok_or_else(|| McpError::protocol("an answer with neither result nor error")))
}

/// Takes events out of a stream that comes in pieces.
#[derive(Default)]
pub struct Events {
    line: Vec<u8>,
    data: Vec<u8>,
    after_return: bool,
}

impl Events {
    /// The data of the events that these bytes complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, McpError> {
        let mut events = Vec::new();
        for byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => events.extend(self.end_of_line()),
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > MESSAGE_BYTES {
                return Err(McpError::protocol("an event that is too large"));
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return Some(std::mem::take(&mut self.data)).filter(|data| !data.is_empty());
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_from_all_else() {
        let about = |message: Value| answer_to(7, &message).map(|answer| answer.is_ok());
        assert_eq!(about(json!({"id": 7, "result": {}})), Some(true));
        assert_eq!(about(json!([{"id": 6, "result": {}}, {"id": 7, "error": {"message": "no"}}])), Some(false));
        assert_eq!(about(json!({"id": 7})), Some(false));
        for other in
            [json!({"id": 8, "result": 1}), json!({"id": 7, "method": "ping"}), json!({"method": "x"}), json!(3)]
        {
            assert_eq!(about(other), None);
        }
    }

    #[test]
    fn events_come_in_pieces_of_any_size() {
        let stream = b": hello\r\nevent: message\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\nid: 3\n\ndata:x\n\ndata: cut";
        for size in 1..stream.len() {
            let mut events = Events::default();
            let all: Vec<_> = stream.chunks(size).flat_map(|piece| events.feed(piece).unwrap()).collect();
            assert_eq!(all, [b"{\"a\":\n1}".to_vec(), b"x".to_vec()], "{size}");
        }
    }

    #[test]
    fn an_endless_event_is_an_error() {
        let mut events = Events::default();
        assert!(events.feed(&vec![b'x'; MESSAGE_BYTES]).is_ok());
        assert!(events.feed(b"x").is_err());
    }
}
