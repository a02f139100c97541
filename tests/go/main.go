// Verify reads a Lagspill log (a folder or an address, as C2SP tlog-tiles has it) or a .tlog-proof file with the Go
// project's own packages for transparency logs and signed notes: none of our code, none of our reading of the
// specifications. Every proof is checked a second time by transparency-dev's packages, which other logs are built with, and
// so is the root over all entries. Only the cosignatures of witnesses, which neither knows, are checked by a few lines here.
//
//	go run . [-since CHECKPOINT] [-witness VKEY] [-step N] SOURCE VKEY
//	go run . [-witness VKEY] -proof FILE VKEY
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// source is a folder or an http address. It reads tiles where tlog-tiles puts them: as sumdb does, but for the height,
// which is fixed there.
type source string

func (s source) Height() int { return height }

func (s source) read(path string) ([]byte, error) {
	if !strings.HasPrefix(string(s), "http://") {
		return os.ReadFile(filepath.Join(string(s), path))
	}
	request, err := http.NewRequest("GET", string(s)+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if token := os.Getenv("LAGSPILL_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func (s source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		data, err := s.read(strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (s source) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	since := flag.String("since", "", "an older checkpoint, of which the log must be a continuation")
	witness := flag.String("witness", "", "the key of a witness that must have cosigned the newest checkpoint")
	step := flag.Int64("step", 1, "of every so many entries, and of the last two, the proofs are checked; the root is over all")
	one := flag.Bool("proof", false, "the source is a .tlog-proof file")
	flag.Parse()
	run := func(from, vkey, witness, since string) error { return verifyLog(from, vkey, witness, since, *step) }
	if *one {
		run = verifyProof
	}
	if err := run(flag.Arg(0), flag.Arg(1), *witness, *since); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verifyLog(from, vkey, witness, since string, step int64) error {
	log := source(from)
	signed, err := log.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, vkey, witness)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, log) // checks every tile it reads against the signed root
	if since != "" {
		if err := verifySince(since, vkey, tree, hashes); err != nil {
			return err
		}
	}
	whole := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	var n int64
	for n < tree.N {
		width := tree.N - n
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: 0, N: n >> height, W: int(width)}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		bundle, err := log.read(path)
		if err != nil {
			return err
		}
		for ; width > 0; width-- {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("the bundle %s ends within entry %d", path, n)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			if n%step == 0 || tree.N-n <= 2 {
				if err := verifyEntry(tree, hashes, n, bundle[2:2+length]); err != nil {
					return err
				}
			}
			if err := whole.Append(rfc6962.DefaultHasher.HashLeaf(bundle[2:2+length]), nil); err != nil {
				return err
			}
			bundle = bundle[2+length:]
			n++
		}
		if len(bundle) != 0 {
			return fmt.Errorf("the bundle %s holds more than its entries", path)
		}
	}
	root, err := whole.GetRootHash(nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(root, tree.Hash[:]) {
		return fmt.Errorf("the entries have another root")
	}
	fmt.Printf("verified %d entries\n", n)
	return nil
}

// verifySince checks that the log continues an older checkpoint of it.
func verifySince(path, vkey string, tree tlog.Tree, hashes tlog.HashReader) error {
	signed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	older, err := openCheckpoint(signed, vkey, "")
	if err != nil {
		return err
	}
	if older.N > tree.N {
		return fmt.Errorf("rolled back: size %d was signed before, and now %d", older.N, tree.N)
	}
	return verifyContinued(tree, hashes, older)
}

// verifyContinued checks that the tree begins with an older one.
func verifyContinued(tree tlog.Tree, hashes tlog.HashReader, older tlog.Tree) error {
	steps, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(steps, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return err
	}
	size1, size2 := uint64(older.N), uint64(tree.N)
	return proof.VerifyConsistency(rfc6962.DefaultHasher, size1, size2, plain(steps), older.Hash[:], tree.Hash[:])
}

// verifyIncluded checks that an entry is in the tree.
func verifyIncluded(tree tlog.Tree, path tlog.RecordProof, n int64, entry []byte) error {
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, n, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("entry %d: %w", n, err)
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	return proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(n), uint64(tree.N), leaf, plain(path), tree.Hash[:])
}

// plain writes hashes as transparency-dev's packages take them.
func plain(hashes []tlog.Hash) [][]byte {
	var written [][]byte
	for at := range hashes {
		written = append(written, hashes[at][:])
	}
	return written
}

func verifyEntry(tree tlog.Tree, hashes tlog.HashReader, n int64, entry []byte) error {
	path, err := tlog.ProveRecord(tree.N, n, hashes)
	if err != nil {
		return err
	}
	if err := verifyIncluded(tree, path, n, entry); err != nil {
		return err
	}
	older := n + 1
	root, err := tlog.TreeHash(older, hashes)
	if err != nil {
		return err
	}
	return verifyContinued(tree, hashes, tlog.Tree{N: older, Hash: root})
}

// verifyProof checks a .tlog-proof file (C2SP tlog-proof) that holds its entry.
func verifyProof(file, vkey, witness, _ string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(content, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a tlog-proof with its entry")
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	tree, err := openCheckpoint(signed, vkey, witness)
	if err != nil {
		return err
	}
	if err := verifyIncluded(tree, path, index, entry); err != nil {
		return err
	}
	fmt.Printf("verified entry %d\n", index)
	return nil
}

// cosigner is a witness's key (C2SP tlog-cosignature, Ed25519).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a verifier key")
	}
	material, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(material) != 1+ed25519.PublicKeySize || material[0] != 4 {
		return nil, fmt.Errorf("not a witness's key")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), material...))
	return &cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), material[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	said := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(c.key, []byte(said), signature[8:])
}

func openCheckpoint(signed []byte, vkey, witness string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	if witness != "" {
		known, err := newCosigner(witness)
		if err != nil {
			return tlog.Tree{}, err
		}
		if _, err := note.Open(signed, note.VerifierList(known)); err != nil {
			return tlog.Tree{}, fmt.Errorf("not cosigned by %s: %w", known.name, err)
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	var hash tlog.Hash
	if len(root) != len(hash) || bytes.Equal(root, hash[:]) {
		return tlog.Tree{}, fmt.Errorf("not a root hash")
	}
	copy(hash[:], root)
	return tlog.Tree{N: size, Hash: hash}, nil
}
