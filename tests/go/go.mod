module lagspill.no/tests/verify

go 1.19

require golang.org/x/mod v0.17.0

require github.com/transparency-dev/merkle v0.0.2
