// What of Apache ECharts the page uses; tools/echarts.sh makes one file of it.
import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

use([LineChart, BarChart, CustomChart, GridComponent, TooltipComponent, CanvasRenderer]);

export { init };
