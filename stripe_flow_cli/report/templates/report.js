"use strict";
const root = document.documentElement;
root.classList.add("js");

const search = document.querySelector("form.search");
if (search) {
  const input = search.querySelector("input");
  const result = document.getElementById("found");
  const groups = [...document.querySelectorAll(".group")].map((group) => {
    const title = group.querySelector("h3").textContent;
    const items = [...group.querySelectorAll(".item")].map((item) => ({
      item,
      text: `${title} ${item.textContent}`.toLowerCase(),
    }));
    return { group, items, list: group.querySelector(".items") };
  });
  const all = groups.reduce((sum, group) => sum + group.items.length, 0);
  search.hidden = false;

  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { group, list, items } of groups) {
      let matches = 0;
      for (const { item, text } of items) {
        const isMatch = words.every((word) => text.includes(word));
        item.hidden = !isMatch;
        matches += isMatch;
      }
      group.hidden = words.length > 0 && matches === 0;
      list.classList.toggle("whole", words.length > 0 || list.classList.contains("opened"));
      count += matches;
    }
    result.textContent = words.length ? `${count.toLocaleString("en")} of ${all.toLocaleString("en")} rows` : "";
    document.querySelectorAll(".all").forEach((button) => { button.hidden = words.length > 0 || button.dataset.done === "yes"; });
  };
  input.addEventListener("input", filter);
  search.addEventListener("submit", (event) => event.preventDefault());
}

const copy = async (button) => {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.classList.contains("copy")) {
    copy(button);
  } else if (button?.classList.contains("all")) {
    const list = button.parentElement.querySelector(".items");
    list.classList.add("whole", "opened");
    button.dataset.done = "yes";
    button.hidden = true;
    const next = list.querySelector(".more");
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
  }
});
