//! Debian's Redis as an image: a test's cluster reaches no registry of the internet.

use super::tree::Tree;
use super::{ImageBuilder, ImageContent, PushedImage, USER};
use crate::{HarnessError, program};

const NAME: &str = "localhost/arena/redis:1";
const PLACE: &str = "/usr/bin/redis-server";

/// Builds an image that runs this machine's Redis and pushes it to a registry of http, `ADDRESS:PORT`.
pub async fn build_redis_image(registry: &str) -> Result<PushedImage, HarnessError> {
    let tree = Tree::new()?;
    tree.program(PLACE, &program::REDIS.find()?).await?;
    let content = ImageContent { files: &[(tree.path(), "/")], entrypoint: &[PLACE], user: USER, labels: &[] };
    let builder = ImageBuilder::new()?;
    builder.build(NAME, content).await?;
    let repository = format!("{registry}/arena/redis");
    let digest = builder.push(NAME, &format!("{repository}:1")).await?;
    Ok(PushedImage { repository, digest })
}
