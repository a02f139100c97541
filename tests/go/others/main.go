// Others writes a log with other people's programs: Tessera writes and signs it, torchwood cosigns its checkpoint and proves
// some of its entries. What it wrote once stands in the folder written, where our verifier is tested on it
// (tests/unit/test_verify_others.py); it needs a newer Go, and more time to build, than the tests have.
//
//	go run . FOLDER
//
// The private keys are 00 01 .. 1f for the log, 20 21 .. 3f for a witness with an Ed25519 key, 40 41 .. 5f for one with ML-DSA-44.
package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const origin = "others.example/log"

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func seed(first byte) []byte {
	var bytes []byte
	for each := range byte(32) {
		bytes = append(bytes, first+each)
	}
	return bytes
}

// entry is of 0 to 69 bytes, whatever they are.
func entry(number int) []byte {
	var bytes []byte
	for len(bytes) < number%70 {
		sum := sha256.Sum256(fmt.Appendf(bytes, "entry %d", number))
		bytes = append(bytes, sum[:]...)
	}
	return bytes[:number%70]
}

func main() {
	folder := os.Args[1]
	key := ed25519.NewKeyFromSeed(seed(0))
	vkey := must(note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey)))
	id := vkey[len(origin)+1 : len(origin)+9]
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, id, base64.StdEncoding.EncodeToString(append([]byte{1}, seed(0)...)))

	for first, sizes := 0, []int{1, 200, 256, 257, 300}; len(sizes) > 0; first, sizes = sizes[0], sizes[1:] {
		grow(folder, must(note.NewSigner(skey)), first, sizes[0])
		signed := must(os.ReadFile(filepath.Join(folder, "checkpoint")))
		check(os.WriteFile(filepath.Join(folder, fmt.Sprint("checkpoint.", sizes[0])), signed, 0o644))
	}
	check(os.RemoveAll(filepath.Join(folder, ".state")))

	policy := fmt.Sprintf("log %s\n", vkey)
	signed := must(os.ReadFile(filepath.Join(folder, "checkpoint")))
	ml := must(mldsa.NewPrivateKey(mldsa.MLDSA44(), seed(64)))
	for _, witness := range []struct {
		name string
		key  crypto.Signer
	}{{"elliptic", ed25519.NewKeyFromSeed(seed(32))}, {"lattice", ml}} {
		cosigner := must(torchwood.NewCosignatureSigner(witness.name+".example/witness", witness.key))
		policy += fmt.Sprintf("witness %s %s\n", witness.name, cosigner.Verifier())
		signed = cosigned(signed, cosigner)
	}
	policy += "group both all elliptic lattice\nquorum both\n"
	check(os.WriteFile(filepath.Join(folder, "checkpoint"), signed, 0o644))
	check(os.WriteFile(filepath.Join(folder, "policy"), []byte(policy), 0o644))

	tree, _, err := torchwood.VerifyCheckpoint(signed, must(torchwood.ParsePolicy([]byte(policy))))
	check(err)
	client := must(torchwood.NewClient(must(torchwood.NewTileFS(os.DirFS(folder)))))
	for _, index := range []int64{0, 255, 256, 299} {
		content, proof, err := client.Entry(context.Background(), tree.Tree, index)
		check(err)
		written := torchwood.FormatProofWithExtraData(index, content, proof, signed)
		check(os.WriteFile(filepath.Join(folder, fmt.Sprintf("entry-%d.tlog-proof", index)), written, 0o644))
	}
}

// grow adds the entries from number first on, and waits until a checkpoint covers the last one.
func grow(folder string, signer note.Signer, first, size int) {
	ctx := context.Background()
	driver := must(posix.New(ctx, posix.Config{Path: folder}))
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(uint(size-first), 100*time.Millisecond).WithCheckpointInterval(100 * time.Millisecond)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	check(err)
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 100*time.Millisecond)
	var last tessera.IndexFuture
	for number := first; number < size; number++ {
		last = appender.Add(ctx, tessera.NewEntry(entry(number)))
	}
	_, _, err = await.Await(ctx, last)
	check(err)
	check(shutdown(ctx))
}

// cosigned adds a witness's line to a signed checkpoint.
func cosigned(signed []byte, cosigner *torchwood.CosignatureSigner) []byte {
	opened, err := note.Open(signed, nil)
	if unverified, ok := err.(*note.UnverifiedNoteError); ok {
		opened = unverified.Note
	}
	return must(note.Sign(opened, cosigner))
}
