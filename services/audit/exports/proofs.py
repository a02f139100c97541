"""Inclusion proofs of many entries: each tile is read once, each inner hash computed once, for a batch of neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.audit.domain.entry import LogName
from services.audit.domain.tiles import HEIGHT, NoSuchTileError, TileAddress, holding
from services.audit.queries import Reader
from shared.merkle import Node, fold, inclusion_path, node_hash, subtrees


class Prover:
    """Proves entries to one checkpoint."""

    def __init__(self, reader: Reader, log: LogName, size: int) -> None:
        """Prove entries of the log as it was at `size`."""
        self._reader = reader
        self._log = log
        self._size = size
        self._tiles: dict[TileAddress, tuple[bytes, ...]] = {}
        self._hashes: dict[Node, bytes] = {}

    async def prove(self, positions: Sequence[int]) -> list[tuple[bytes, ...]]:
        """Return each position's proof, the leaf's sibling first.

        Raises:
            NoSuchTileError: the log does not hold what its checkpoint covers.
        """
        paths = [[subtrees(span) for span in inclusion_path(position, self._size)] for position in positions]
        await self._fetch({node for path in paths for nodes in path for node in nodes})
        return [tuple(fold([self._hash(node) for node in nodes]) for nodes in path) for path in paths]

    async def _fetch(self, nodes: set[Node]) -> None:
        needed: dict[TileAddress, int] = {}
        for node in nodes:
            address, first, count = holding(node)
            needed[address] = max(needed.get(address, 0), first + count)
        # What the batch before needed and this one does not is forgotten: memory does not grow with the export.
        self._tiles = {address: hashes for address, hashes in self._tiles.items() if address in needed}
        self._hashes = {}
        short = self._short(needed)
        if short:
            self._tiles |= await self._reader.tiles(self._log, sorted(short))
            if short := self._short(needed):
                raise NoSuchTileError(f"tile {short[0].level}/{short[0].number} is missing or cut short")

    def _short(self, needed: Mapping[TileAddress, int]) -> list[TileAddress]:
        """Return those tiles of which fewer hashes are held than are needed."""
        return [address for address, count in needed.items() if len(self._tiles.get(address, ())) < count]

    def _hash(self, node: Node) -> bytes:
        known = self._hashes.get(node)
        if known is None:
            if node.level % HEIGHT == 0:
                address, first, _ = holding(node)
                known = self._tiles[address][first]
            else:
                below = Node(node.level - 1, node.number * 2)
                known = node_hash(self._hash(below), self._hash(Node(below.level, below.number + 1)))
            self._hashes[node] = known
        return known
