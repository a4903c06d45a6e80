/* What reaches into the margin, also once it is unfolded: where a page has a list of contents, the theme's gives way to what is called a popout. */
const edge = document.querySelector(".bd-article")?.getBoundingClientRect().right;
const inText = "body:has(.bd-sidebar-secondary) .bd-article :is(table, .highlight, .shelf)";
for (const each of document.querySelectorAll(inText)) {
  const { width, right } = each.getBoundingClientRect();
  if (width ? right > edge : each.closest("details")) each.classList.add("popout");
}
