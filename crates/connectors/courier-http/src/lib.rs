//! Calls addresses that users entered, over HTTP. Builds a request and reads the answer;
//! `qd-outbound` sends, and refuses what leads into our own network.

use async_trait::async_trait;
use qd_kernel::Problem;
use qd_outbound::{Bytes, Client, ClientOptions, Reach as Net, Request, SendError, Uri, guard};
use qd_ports::courier::{Call, CallMethod, CallReply, Courier, Missed, NotAllowed};
use std::time::Duration;

/// Whom a call may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, ports 80 and 443.
    Public,
    /// An operator's exception: addresses in our own network too, any port.
    Private,
}

impl Reach {
    fn net(self) -> Net {
        match self {
            Reach::Public => Net::PublicOnly,
            Reach::Private => Net::Anywhere,
        }
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpCourier {
    client: Client,
    reach: Reach,
}

impl HttpCourier {
    pub fn new(reach: Reach) -> Result<HttpCourier, Problem> {
        let client = Client::new(ClientOptions {
            reach: reach.net(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            user_agent: "Quarterdeck-Postback/1".into(),
            ..ClientOptions::default()
        })
        .map_err(|e| Problem::bug("client_unbuildable", "the HTTP client could not be built").with_source(format!("{e:?}")))?;
        Ok(HttpCourier { client, reach })
    }
}

#[async_trait]
impl Courier for HttpCourier {
    fn allows(&self, url: &str) -> Result<(), NotAllowed> {
        let uri: Uri = url.parse().map_err(|_| NotAllowed {
            code: "url_malformed",
            expected: "expected an address like https://tracker.example/postback?cid={click_id}".into(),
        })?;
        guard::check_url(&uri, self.reach.net()).map_err(|c| NotAllowed {
            code: c.code,
            expected: format!("expected a public address: {}", c.detail),
        })?;
        if self.reach == Reach::Public && !matches!(uri.port_u16(), None | Some(80 | 443)) {
            return Err(NotAllowed {
                code: "port_refused",
                expected: "expected port 80 or 443".into(),
            });
        }
        Ok(())
    }

    async fn call(&self, call: &Call) -> Result<CallReply, Missed> {
        let refused = |code| Missed {
            code,
            maybe_arrived: false,
            for_good: true,
        };
        self.allows(&call.url).map_err(|n| refused(n.code))?;
        let mut request = match call.method {
            CallMethod::Get => Request::get(&call.url),
            CallMethod::Post => Request::post(&call.url),
        };
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Bytes::from(call.body.clone())).map_err(|_| refused("url_malformed"))?;
        match self.client.send(request).await {
            Ok(r) => Ok(CallReply {
                status: r.status.as_u16(),
                text: r.text().into_owned(),
            }),
            Err(e) => Err(Missed {
                code: e.cause().code,
                maybe_arrived: !matches!(e, SendError::NotSent(_)),
                for_good: matches!(e.cause().code, "address_refused" | "url_malformed"),
            }),
        }
    }
}
