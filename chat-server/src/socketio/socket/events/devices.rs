use std::sync::Arc;

use chat_core::event::{
    DEVICE_CODE, DEVICES, DeviceId, LINK_DEVICE, LinkDevice, Named, UNLINK_DEVICE, Unlinked,
};
use chat_core::{AccessScope, Refusal, RefusalCode};
use chat_store::StoreError;

use super::super::connection::{Connection, Request, TASK_BYTES};
use super::super::event::Event;
use super::super::keeper::keep_name;
use super::super::standing::settle;
use super::answering::{self, Failed, made};
use crate::engine::delivery::Answer;

/// [`chat_core::event::DEVICE_CODE`].
pub(crate) struct DeviceCodeEvent;

/// [`chat_core::event::LINK_DEVICE`].
pub(crate) struct LinkDeviceEvent;

/// [`chat_core::event::DEVICES`].
pub(crate) struct DevicesEvent;

/// [`chat_core::event::UNLINK_DEVICE`].
pub(crate) struct UnlinkDeviceEvent;

/// What a client wants with devices.
enum Asked {
    Code,
    Link(LinkDevice),
    List,
    Unlink(DeviceId),
}

impl Event for DeviceCodeEvent {
    const NAME: &'static str = DEVICE_CODE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = ();

    fn read(_: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn handle(connection: &Arc<Connection>, (): (), request: Request) {
        later(connection, Asked::Code, request);
    }
}

impl Event for LinkDeviceEvent {
    const NAME: &'static str = LINK_DEVICE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = LinkDevice;

    fn read(json: &str) -> Result<LinkDevice, Refusal> {
        LinkDevice::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, link: LinkDevice, request: Request) {
        later(connection, Asked::Link(link), request);
    }
}

impl Event for DevicesEvent {
    const NAME: &'static str = DEVICES;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = ();

    fn read(_: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn handle(connection: &Arc<Connection>, (): (), request: Request) {
        later(connection, Asked::List, request);
    }
}

impl Event for UnlinkDeviceEvent {
    const NAME: &'static str = UNLINK_DEVICE;
    const TASK_BYTES: usize = TASK_BYTES;

    type Arguments = DeviceId;

    fn read(json: &str) -> Result<DeviceId, Refusal> {
        DeviceId::from_event(json)
    }

    fn handle(connection: &Arc<Connection>, id: DeviceId, request: Request) {
        later(connection, Asked::Unlink(id), request);
    }
}

fn later(connection: &Arc<Connection>, asked: Asked, request: Request) {
    let later = Arc::clone(connection);
    answering::later(connection, request, async move { answer(&later, asked).await });
}

async fn answer(connection: &Arc<Connection>, asked: Asked) -> Result<Answer, Failed> {
    let identities = &connection.services.identities;
    let user = || {
        let message = "devices are those of a user with a nickname; take one first";
        let required = || Refusal::new(RefusalCode::NicknameRequired, message);
        connection.user().ok_or_else(required)
    };
    match asked {
        Asked::Code => made(&identities.device_code(&*user()?).await?),
        Asked::List => {
            let user = user()?;
            made(&identities.devices(user.id, Some(user.credential)).await?)
        }
        Asked::Unlink(id) => {
            let (services, user) = (connection.services.clone(), user()?);
            // It goes on when the client is gone, and all nodes look whatever its outcome is: this connection may be one
            // of those that end, and a removal may have happened that has failed.
            let unlink = tokio::spawn(async move {
                let unlinked = services.identities.unlink_device(user.id, id).await;
                services.access_changed(&AccessScope::User(user.id)).await;
                unlinked
            });
            // The process stops.
            unlink.await.map_err(|_| StoreError::Closed)??;
            made(&Unlinked::new(id))
        }
        Asked::Link(LinkDevice { code, label, .. }) => {
            let (user, token) = identities.link_device(&code, label, connection.source).await?;
            let named = Named::new(user.nickname.clone(), Some(token.clone())).with_user(user.id);
            connection.identify(Arc::new(user), Some(token));
            keep_name(connection);
            // The user may not be allowed what the client was without a name, or as another user.
            settle(connection).await;
            Ok(Answer::Named(named))
        }
    }
}
