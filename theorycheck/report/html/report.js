"use strict";
(() => {
  const table = document.getElementById("summary");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => row.cells[column].dataset.sort;

  const sortBy = (column) => {
    const head = heads[column];
    const falling = head.getAttribute("aria-sort") === "ascending";
    const numbers = head.dataset.kind === "number";
    const rows = [...body.rows].map((row, place) => ({ row, place, key: value(row, column) }));
    rows.sort((a, b) => {
      if ((a.key === "") !== (b.key === "")) return a.key === "" ? 1 : -1; // what has no value stands last
      const order = numbers ? Number(a.key) - Number(b.key) : a.key.localeCompare(b.key, "en");
      return (falling ? -order : order) || a.place - b.place;
    });
    heads.forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    body.append(...rows.map(({ row }) => row));
  };

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sortBy(column)));
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
})();
