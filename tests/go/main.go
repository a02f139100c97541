// Verify reads a copy of a Lagspill log (a folder as C2SP tlog-tiles has it) with the Go project's own packages for
// transparency logs and signed notes: none of our code, none of our reading of the specifications.
//
//	go run . FOLDER VKEY
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// folder reads tiles where tlog-tiles puts them: as sumdb does, but for the height, which is fixed there.
type folder string

func (f folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func main() {
	if err := verify(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verify(dir, vkey string) error {
	tree, err := openCheckpoint(filepath.Join(dir, "checkpoint"), vkey)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, folder(dir)) // checks every tile it reads against the signed root
	var n int64
	for n < tree.N {
		width := min(tree.N-n, 1<<height)
		tile := tlog.Tile{H: height, L: 0, N: n >> height, W: int(width)}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		for ; width > 0; width-- {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("the bundle %s ends within entry %d", path, n)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			if err := verifyEntry(tree, hashes, n, bundle[2:2+length]); err != nil {
				return err
			}
			bundle = bundle[2+length:]
			n++
		}
		if len(bundle) != 0 {
			return fmt.Errorf("the bundle %s holds more than its entries", path)
		}
	}
	fmt.Printf("verified %d entries\n", n)
	return nil
}

func verifyEntry(tree tlog.Tree, hashes tlog.HashReader, n int64, entry []byte) error {
	leaf := tlog.RecordHash(entry)
	proof, err := tlog.ProveRecord(tree.N, n, hashes)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf); err != nil {
		return fmt.Errorf("entry %d: %w", n, err)
	}
	older := n + 1
	root, err := tlog.TreeHash(older, hashes)
	if err != nil {
		return err
	}
	consistency, err := tlog.ProveTree(tree.N, older, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(consistency, tree.N, tree.Hash, older, root)
}

func openCheckpoint(path, vkey string) (tlog.Tree, error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
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
