/**
 * Starts Swagger UI on /api/docs. What it shows comes with the page: `data-description` is the path
 * of the API's description, with the host's key if the page was asked for with one.
 */
const place = document.querySelector("#swagger-ui");

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.description,
  layout: "BaseLayout",
  validatorUrl: null,
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
});
