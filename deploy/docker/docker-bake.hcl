# The image for both architectures, from the root of the repository:
#   VERSION=0.1.0 REVISION=$(git rev-parse HEAD) SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \
#     docker buildx bake --file deploy/docker/docker-bake.hcl
# It writes release/tokenward-image.tar; the folder must exist. To push instead, name the registry, and the target image-push:
#   REGISTRY=registry.example/team/ … docker buildx bake --file deploy/docker/docker-bake.hcl image-push
# The same commit gives the same images: times are those of the commit. Only the statement of how it was built
# (provenance) has times of its own.

variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "unknown" }
variable "REGISTRY" { default = "" }
variable "SOURCE_DATE_EPOCH" { default = "0" }

group "default" { targets = ["image"] }

target "image" {
  context    = "."
  dockerfile = "deploy/docker/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["${REGISTRY}tokenward:${VERSION}"]
  args = {
    VERSION           = VERSION
    REVISION          = REVISION
    SOURCE_DATE_EPOCH = SOURCE_DATE_EPOCH
  }
  attest = ["type=provenance,mode=max", "type=sbom"]
  output = ["type=oci,dest=release/tokenward-image.tar,rewrite-timestamp=true"]
}

target "image-push" {
  inherits = ["image"]
  output   = ["type=registry,rewrite-timestamp=true"]
}
