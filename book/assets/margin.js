/* What reaches into the margin, also once it is unfolded: the theme's list of contents gives way to what is called a popout. */
const gives = document.querySelector(".bd-sidebar-secondary"); // a page of one section has no list
const edge = document.querySelector(".bd-article")?.getBoundingClientRect().right;
for (const each of gives ? document.querySelectorAll(".bd-article :is(table, .highlight, .shelf)") : []) {
  const { width, right } = each.getBoundingClientRect();
  if (width ? right > edge : each.closest("details")) each.classList.add("popout");
}
